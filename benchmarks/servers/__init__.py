"""The same small applications under uWSGI, uWSGI behind nginx, and gunicorn, with wrk asking."""
