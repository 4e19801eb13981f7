"""The worker program: fetches one attempt of an order by a signed link, runs it, and tells how it ended.

The same on every target far away. It may import nothing but Python's own library, `chalicelib.shells` and
`chalicelib.spawner`, which travel with it; pyrage too, where values are to be decrypted.
"""
