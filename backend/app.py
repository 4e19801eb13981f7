"""What Chalice deploys: the application, and later the entry points of queues and events."""

from chalicelib.application import create_app

app = create_app()
