//! What must not be in a distributed schema, as questions to PostgreSQL's catalogue. Each row of an answer is a violation.
//! The sources: Citus' "Schema-based sharding" and "SQL support", and what `citus_schema_distribute` refuses
//! (<https://docs.citusdata.com/en/stable/develop/reference_workarounds.html>). Where Citus allows a part of a thing that is
//! easy to get wrong (views, partitions, row-level security), the house allows none of it.

/// A question, by the name of what it looks for.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

pub(super) const RULES: &[Rule] = &[
    // A tenant's schema moves to another node alone. Covers foreign keys, views, defaults, types and the objects of
    // extensions: whatever PostgreSQL itself records as a dependency.
    Rule {
        name: "dependency",
        sql: "WITH placed AS (
                SELECT CAST('pg_class' AS REGCLASS) AS class, oid, relnamespace AS place FROM pg_class
                UNION ALL SELECT CAST('pg_proc' AS REGCLASS), oid, pronamespace FROM pg_proc
                UNION ALL SELECT CAST('pg_type' AS REGCLASS), oid, typnamespace FROM pg_type
                UNION ALL SELECT CAST('pg_operator' AS REGCLASS), oid, oprnamespace FROM pg_operator
                UNION ALL SELECT CAST('pg_opclass' AS REGCLASS), oid, opcnamespace FROM pg_opclass
                UNION ALL SELECT CAST('pg_collation' AS REGCLASS), oid, collnamespace FROM pg_collation
                UNION ALL SELECT CAST('pg_ts_config' AS REGCLASS), oid, cfgnamespace FROM pg_ts_config
                UNION ALL SELECT CAST('pg_constraint' AS REGCLASS), oid, connamespace FROM pg_constraint
                UNION ALL SELECT CAST('pg_attrdef' AS REGCLASS), d.oid, c.relnamespace
                    FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
                UNION ALL SELECT CAST('pg_trigger' AS REGCLASS), t.oid, c.relnamespace
                    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                UNION ALL SELECT CAST('pg_rewrite' AS REGCLASS), r.oid, c.relnamespace
                    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class)
              SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on '
                     || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
              FROM pg_depend d
              JOIN placed a ON a.class = d.classid AND a.oid = d.objid
              JOIN placed b ON b.class = d.refclassid AND b.oid = d.refobjid
              JOIN pg_namespace here ON here.oid = a.place
              JOIN pg_namespace there ON there.oid = b.place
              WHERE here.oid <> there.oid AND (here.nspname LIKE 'tenant\\_%' OR there.nspname LIKE 'tenant\\_%')
                AND here.nspname NOT IN ('pg_catalog', 'pg_toast') AND there.nspname NOT IN ('pg_catalog', 'pg_toast')",
    },
    // Ordinary tables, their indexes and sequences; no view, no materialized view (it would stay on the coordinator), no
    // foreign or partitioned table.
    Rule {
        name: "kind",
        sql: "SELECT CAST(c.oid AS REGCLASS) || ' is of kind ' || CAST(c.relkind AS TEXT) FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname LIKE 'tenant\\_%' AND c.relkind NOT IN ('r', 'i', 'S', 'c')",
    },
    Rule {
        name: "inheritance",
        sql: "SELECT CAST(i.inhrelid AS REGCLASS) || ' inherits from ' || CAST(i.inhparent AS REGCLASS) FROM pg_inherits i
              JOIN pg_class c ON c.oid IN (i.inhrelid, i.inhparent) JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname LIKE 'tenant\\_%'",
    },
    Rule {
        name: "trigger",
        sql: "SELECT t.tgname || ' on ' || CAST(c.oid AS REGCLASS) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
              JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'tenant\\_%' AND NOT t.tgisinternal",
    },
    Rule {
        name: "rule",
        sql: "SELECT rulename || ' on ' || schemaname || '.' || tablename FROM pg_rules WHERE schemaname LIKE 'tenant\\_%'",
    },
    // A function runs on the coordinator and reads row by row from the node, unless it is distributed as well.
    Rule {
        name: "function",
        sql: "SELECT CAST(p.oid AS REGPROCEDURE) || '' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname LIKE 'tenant\\_%'",
    },
    // Other than the row types and array types that tables bring along.
    Rule {
        name: "type",
        sql: "SELECT format_type(t.oid, NULL) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
              LEFT JOIN pg_class c ON c.oid = t.typrelid
              WHERE n.nspname LIKE 'tenant\\_%' AND t.typcategory <> 'A' AND coalesce(c.relkind, 'c') = 'c'",
    },
    // Citus makes sequences of every node's own out of the number's upper bits: they do not fit into less.
    Rule {
        name: "sequence",
        sql: "SELECT CAST(s.seqrelid AS REGCLASS) || ' is of ' || format_type(s.seqtypid, NULL) FROM pg_sequence s
              JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname LIKE 'tenant\\_%' AND s.seqtypid <> CAST('bigint' AS REGTYPE)",
    },
    // Neither may an extension live in the schema nor the schema or a table in it belong to one.
    Rule {
        name: "extension",
        sql: "SELECT e.extname || ' is in ' || n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
              WHERE n.nspname LIKE 'tenant\\_%'
              UNION ALL
              SELECT pg_describe_object(d.classid, d.objid, 0) || ' belongs to an extension' FROM pg_depend d
              LEFT JOIN pg_class c ON d.classid = CAST('pg_class' AS REGCLASS) AND c.oid = d.objid
              JOIN pg_namespace n ON n.oid = coalesce(c.relnamespace, d.objid)
              WHERE d.deptype = 'e' AND n.nspname LIKE 'tenant\\_%'
                AND d.classid IN (CAST('pg_class' AS REGCLASS), CAST('pg_namespace' AS REGCLASS))",
    },
    // Moving a schema while it is written to goes by logical replication, which tells rows apart by their key.
    Rule {
        name: "key",
        sql: "SELECT CAST(c.oid AS REGCLASS) || ' has no primary key' FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname LIKE 'tenant\\_%' AND c.relkind = 'r'
                AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)",
    },
    // Saved means saved; and a tablespace of one server is none of another's.
    Rule {
        name: "persistence",
        sql: "SELECT CAST(c.oid AS REGCLASS) || ' is unlogged, or in a tablespace of its own' FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname LIKE 'tenant\\_%' AND (c.relpersistence <> 'p' OR c.reltablespace <> 0)",
    },
    // Roles differ between nodes.
    Rule {
        name: "policy",
        sql: "SELECT CAST(c.oid AS REGCLASS) || ' has row-level security' FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname LIKE 'tenant\\_%' AND (c.relrowsecurity
                OR EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))",
    },
];
