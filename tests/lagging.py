"""A store whose indexes lag behind, as DynamoDB's may."""

from chalicelib.documents import Delete, Document, Page, Put
from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.sqlite import Database


class LaggingDocuments:
    """An index shows what was there when it was last asked, whatever was written meanwhile."""

    def __init__(self, documents, clock):
        self._documents = documents
        self._shown = SqliteDocuments(Database(None), clock)
        self._as_they_were: dict[tuple, Document] = {}
        self._written = set()

    def __getattr__(self, name):
        return getattr(self._documents, name)

    def transact(self, writes, *, durable=True):
        self._documents.transact(writes, durable=durable)
        self._written |= {write.key for write in writes}

    def query_index(self, *args, **options):
        page = self._shown.query_index(*args, **options)
        items = [self._as_they_were[each.key] for each in page.items]
        self._catch_up()
        return Page(items, page.cursor)

    def _catch_up(self):
        for key in self._written:
            found = self._documents.get(key)
            if found is None:
                self._shown.transact([Delete(key)])
            else:
                self._shown.transact([Put(key, found.body, indexes=found.indexes, expires=found.expires)])
                self._as_they_were[key] = found
        self._written = set()
