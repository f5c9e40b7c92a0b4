//! Many ids bound as one value, so that what a page shows beside its rows is one statement, on both engines.

use std::fmt::Display;

/// The ids behind each other, for [`among`]. Each is 36 characters long.
pub(crate) fn joined(ids: &[impl Display]) -> String {
    ids.iter().map(ToString::to_string).collect()
}

/// `id IN` this is true of the ids that `$1` holds, as [`joined`] wrote them.
macro_rules! among {
    () => {
        "(WITH RECURSIVE place (n) AS (SELECT 1 UNION ALL SELECT n + 36 FROM place WHERE n + 36 < length(CAST($1 AS TEXT)))
          SELECT substr(CAST($1 AS TEXT), n, 36) FROM place)"
    };
}
pub(crate) use among;
