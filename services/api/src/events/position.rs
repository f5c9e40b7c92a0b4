//! Behind which changes a client is. It stands in every event's `id`, so that `Last-Event-ID` tells it for all kinds at once.

use std::fmt;

use chiliview_store::Timestamp;
use uuid::Uuid;

/// `<microseconds>-<id>.<line>.<line of the tenant's log>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The last row's change…
    pub(super) at: Timestamp,
    /// …and its id.
    pub(super) id: Uuid,
    /// The last line of the platform's audit log.
    pub(super) central: i64,
    /// The last line of the tenant's; 0 when none is followed.
    pub(super) tenant: i64,
}

impl Position {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (row, lines) = text.split_once('.')?;
        let ((at, id), (central, tenant)) = (row.split_once('-')?, lines.split_once('.')?);
        Some(Self {
            at: Timestamp::from_micros(at.parse().ok()?),
            id: id.parse().ok()?,
            central: central.parse().ok().filter(|line| *line >= 0)?,
            tenant: tenant.parse().ok().filter(|line| *line >= 0)?,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.{}.{}", self.at.micros(), self.id, self.central, self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_and_nonsense_is_none() {
        let text = "1795000000123456-018f2f5e-7b1a-7000-8000-000000000000.12.7";
        let position = Position::parse(text).unwrap();
        assert_eq!((position.at.micros(), position.central, position.tenant), (1_795_000_000_123_456, 12, 7));
        assert_eq!(position.to_string(), text);
        for nonsense in
            ["", "x", "1-2", "1-2.3.4", &text[..text.len() - 2], &text.replace(".12", ".-1"), &format!("{text}.1")]
        {
            assert_eq!(Position::parse(nonsense), None, "{nonsense}");
        }
    }
}
