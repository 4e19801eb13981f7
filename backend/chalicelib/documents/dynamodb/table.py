"""The table's definition."""

from typing import Any

from chalicelib.aws import Client, call
from chalicelib.documents.dynamodb.items import INDEX_NAMES, PARTITION, SORT, TIME_TO_LIVE


def create_table(client: Client, table: str) -> None:
    call(client.create_table, TableName=table, **table_definition())
    call(client.get_waiter("table_exists").wait, TableName=table)
    expiry = {"Enabled": True, "AttributeName": TIME_TO_LIVE}
    call(client.update_time_to_live, TableName=table, TimeToLiveSpecification=expiry)


def table_definition() -> dict[str, Any]:
    """Keys and indexes in the words that CreateTable and CloudFormation share."""
    pairs = [(PARTITION, SORT), *INDEX_NAMES.values()]
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for pair in pairs for name in pair],
        "KeySchema": _key_schema(PARTITION, SORT),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index.value,
                "KeySchema": _key_schema(*names),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, names in INDEX_NAMES.items()
        ],
    }


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
