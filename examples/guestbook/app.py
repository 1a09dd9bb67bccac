"""The guestbook as a WSGI application: `python app.py`, or `uwsgi --http :9090 -w app:app`."""

from guestbook import create_app

app = create_app()

if __name__ == "__main__":
    app.run()
