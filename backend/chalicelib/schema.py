"""The embedded database's schema, as the steps that lead to it. A step that has been released never changes."""

Migration = tuple[str, ...]

MIGRATIONS: tuple[Migration, ...] = (
    (
        # A rowid table: bodies are far larger than a key, which a WITHOUT ROWID table would keep in its inner pages.
        """
        CREATE TABLE documents (
            id INTEGER PRIMARY KEY,
            partition TEXT NOT NULL,
            sort TEXT NOT NULL,
            version INTEGER NOT NULL,
            body TEXT NOT NULL,
            expires INTEGER,
            first_partition TEXT,
            first_sort TEXT,
            second_partition TEXT,
            second_sort TEXT,
            third_partition TEXT,
            third_sort TEXT
        ) STRICT
        """,
        "CREATE UNIQUE INDEX documents_key ON documents (partition, sort)",
        """
        CREATE INDEX documents_first ON documents (first_partition, first_sort, partition, sort)
        WHERE first_partition IS NOT NULL
        """,
        """
        CREATE INDEX documents_second ON documents (second_partition, second_sort, partition, sort)
        WHERE second_partition IS NOT NULL
        """,
        """
        CREATE INDEX documents_third ON documents (third_partition, third_sort, partition, sort)
        WHERE third_partition IS NOT NULL
        """,
        "CREATE INDEX documents_expires ON documents (expires) WHERE expires IS NOT NULL",
        # `due` is when a delayed or received message is seen (again); NULL: now. A received one has `receives` > 0.
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            queue TEXT NOT NULL,
            group_name TEXT NOT NULL,
            priority INTEGER NOT NULL,
            body TEXT NOT NULL,
            due INTEGER,
            receives INTEGER NOT NULL,
            receipt TEXT
        ) STRICT
        """,
        "CREATE INDEX messages_ready ON messages (queue, group_name, priority DESC, id) WHERE due IS NULL",
        "CREATE INDEX messages_in_flight ON messages (queue, group_name) WHERE due IS NOT NULL AND receives > 0",
        "CREATE INDEX messages_due ON messages (queue, due) WHERE due IS NOT NULL",
        # What the choice of the next message needs of each group, so that it costs the same however many wait.
        """
        CREATE TABLE message_groups (
            queue TEXT NOT NULL,
            group_name TEXT NOT NULL,
            in_flight INTEGER NOT NULL,
            taken INTEGER NOT NULL,
            following INTEGER,
            PRIMARY KEY (queue, group_name)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE INDEX message_groups_next ON message_groups (queue, in_flight, taken, following)
        WHERE following IS NOT NULL
        """,
        """
        CREATE TABLE dead_letters (
            id INTEGER PRIMARY KEY,
            queue TEXT NOT NULL,
            group_name TEXT NOT NULL,
            priority INTEGER NOT NULL,
            body TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX dead_letters_queue ON dead_letters (queue)",
    ),
)
