//! What the catalogue does not show afterwards: how a migration says it.

/// Words that begin what Citus does not pass on to the nodes, or not inside a transaction.
const REFUSED: &[&str] = &[
    "DO ",
    "CONCURRENTLY",
    "EXTENSION",
    "SET SCHEMA",
    "LOCK TABLE",
    "VACUUM",
    "TABLESPACE",
    "CREATE SCHEMA",
    "RENAME CONSTRAINT",
];
/// A name in another schema: a migration runs in whichever schema is the tenant's.
const PLACES: &[&str] = &["CHILIVIEW.", "APALIS.", "PUBLIC."];

/// The statements that will not do, each with the reason.
pub(super) fn refused(migration: &str) -> Vec<String> {
    statements(migration).iter().filter_map(|statement| why(statement)).collect()
}

fn why(statement: &str) -> Option<String> {
    let upper = statement.to_uppercase();
    if let Some(word) = REFUSED.iter().chain(PLACES).find(|word| has(&upper, word)) {
        return Some(format!("{word} in {statement}"));
    }
    if !upper.starts_with("ALTER TABLE") {
        return None;
    }
    // <https://docs.citusdata.com/en/stable/develop/reference_ddl.html>: a constraint is added by a statement of its own.
    let adds = ["ADD CHECK", "ADD CONSTRAINT", "ADD FOREIGN", "ADD UNIQUE", "ADD PRIMARY"];
    let by_itself = adds.iter().any(|add| upper.contains(add));
    if by_itself && subcommands(&upper) > 1 {
        return Some(format!("a constraint beside other subcommands: {statement}"));
    }
    let within = [" CHECK (", " CHECK("].iter().any(|check| upper.contains(check));
    (within && !by_itself).then(|| format!("a check within a new column: {statement}"))
}

/// A word, or the beginning of one when it ends with what separates.
fn has(statement: &str, word: &str) -> bool {
    statement.match_indices(word).any(|(at, _)| {
        let before = statement[..at].chars().next_back();
        before.is_none_or(|char| !char.is_alphanumeric() && char != '_')
    })
}

fn subcommands(statement: &str) -> usize {
    let mut depth = 0;
    let commas = statement.chars().filter(|char| {
        depth += match char {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        *char == ',' && depth == 0
    });
    commas.count() + 1
}

/// Migrations hold no `;` within a statement; if one ever does, its halves are looked at all the same.
fn statements(migration: &str) -> Vec<String> {
    let lines = migration.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join(" ");
    let words = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split(';').map(words).filter(|statement| !statement.is_empty()).collect()
}

#[test]
fn what_citus_cannot_pass_on_is_refused() {
    let bad = [
        "DO $$ BEGIN NULL; END $$",
        "CREATE INDEX CONCURRENTLY a ON users (id)",
        "CREATE EXTENSION hstore",
        "ALTER TABLE users ADD COLUMN a BIGINT,\n  ADD CHECK (a > 0)",
        "ALTER TABLE users ADD COLUMN a BIGINT NOT NULL DEFAULT 0\n  CHECK (a IN (0, 1))",
        "ALTER TABLE users ADD a BIGINT CHECK(a > 0), ADD b BIGINT",
        "ALTER TABLE users RENAME CONSTRAINT users_role_check TO a",
        "CREATE TABLE a (id TEXT REFERENCES chiliview.admins (id))",
        "INSERT INTO public.a VALUES (1)",
    ];
    for sql in bad {
        assert!(!refused(sql).is_empty(), "{sql}");
    }
    let good = "-- DO nothing\nALTER TABLE users ADD COLUMN a BIGINT; ALTER TABLE users ADD CHECK (a IN (1, 2));
        CREATE TABLE a (tenant_id TEXT COLLATE \"C\" PRIMARY KEY)";
    assert_eq!(refused(good), Vec::<String>::new());
}
