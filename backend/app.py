"""What Chalice deploys: the application, and the entry points of queues, events and state machines."""

from typing import Any

from chalice.app import CloudWatchEvent, SQSEvent

from chalicelib import handlers
from chalicelib.application import create_app

app = create_app()

# Queues and the bucket are named as by the default settings; infrastructure puts a stage's own names in their place.


@app.on_cw_event(handlers.LEFT_BY_WORKERS)
def on_callbacks(event: CloudWatchEvent) -> None:
    handlers.on_callbacks(app.ports, event.to_dict(), event.context)


@app.on_sqs_message("millrace-wake-ups", batch_size=10)
def on_wake_ups(event: SQSEvent) -> None:
    handlers.on_wake_ups(app.ports, event.to_dict(), event.context)


@app.on_sqs_message("millrace-orders", batch_size=1)
def on_orders(event: SQSEvent) -> None:
    handlers.on_orders(app.ports, event.to_dict(), event.context)


@app.on_sqs_message("millrace-notices", batch_size=10)
def on_notices(event: SQSEvent) -> None:
    handlers.on_notices(app.ports, event.to_dict(), event.context)


@app.schedule("rate(1 minute)")
def on_schedule(event: CloudWatchEvent) -> None:
    handlers.on_schedule(app.ports, event.to_dict(), event.context)


@app.lambda_function()
def watchdog_check(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return handlers.watchdog_check(app.ports, event, context)


@app.lambda_function()
def process_webhook(event: Any, context: Any) -> dict[str, Any]:
    return handlers.process_webhook(app.ports, event, context)


@app.lambda_function()
def work(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return handlers.work(event, context)
