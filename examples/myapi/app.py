"""A service that answers in JSON what it was asked, and which process it is that answers."""

from uuid import uuid4

from werkzeug.exceptions import HTTPException

from microweb import App, Response, jsonify, request


class Service:
    """One object per process: made when the module is imported, the same on every request."""

    def __init__(self) -> None:
        self.uuid = str(uuid4())

    def describe_request(self) -> dict[str, object]:
        return {
            "status": "ok",
            "uuid": self.uuid,
            "view": request.endpoint,
            "method": request.method,
            "path_info": request.path,
            "query_string": request.query_string.decode(errors="replace"),
            "query": request.args.to_dict(flat=False),
        }


app = App(__name__)
service = Service()


@app.get("/mypath")
def show_mypath() -> dict[str, object]:
    return service.describe_request()


@app.route("/mypath", methods=["PUT", "DELETE"])
def change_mypath() -> dict[str, object]:
    return service.describe_request()


@app.post("/documents")
def echo_document() -> Response:
    return jsonify(request.get_json())


@app.get("/")
@app.get("/<path:path>")
def show_any_path(path: str = "") -> dict[str, object]:
    return service.describe_request()


@app.errorhandler(HTTPException)
def explain(error: HTTPException) -> tuple[dict[str, object], int, list[tuple[str, str]]]:
    headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
    return {"status": error.name, "reason": error.description}, error.code or 500, headers


if __name__ == "__main__":
    app.run()
