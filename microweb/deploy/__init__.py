"""The files with which real servers serve an application, for ``microweb deploy``.

A :class:`~microweb.deploy.site.Site` says what is served, and where; a module for each server
turns it into text. Nothing of this is imported by an application.
"""
