//! How far the clock of this process is from the database server's. Leases of jobs are counted by the server's clock alone; when
//! something is due, and what came after what, by the clock of whoever writes it down.

use std::{fmt, time::Duration};

use crate::{
    clock::{Clock, Timestamp},
    error::Result,
    queue,
    seam::{Engine, Tx},
};

/// Less is no matter: live events look back further.
const TOLERATED: Duration = Duration::from_secs(2);

/// A difference that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// How much it is, at least.
    pub by: Duration,
    /// Whether this process is ahead of the server, or behind it.
    pub ahead: bool,
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let where_to = if self.ahead { "ahead of" } else { "behind" };
        write!(f, "{} s {where_to} the database server's", self.by.as_secs())
    }
}

/// Asks the server; nothing on SQLite, whose clock is the machine's.
pub async fn measure(tx: &mut Tx, clock: &Clock) -> Result<Option<Skew>> {
    if tx.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let before = clock.now();
    let there = queue::now(tx).await?;
    Ok(between(before, there, clock.now()))
}

/// The server looked at its clock at some moment between the two.
fn between(before: Timestamp, there: Timestamp, after: Timestamp) -> Option<Skew> {
    let (ahead, behind) = (before.since(there), there.since(after));
    if ahead > TOLERATED {
        return Some(Skew { by: ahead, ahead: true });
    }
    (behind > TOLERATED).then_some(Skew { by: behind, ahead: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_difference_and_a_wrong_clock_is_one_either_way() {
        let at = |seconds: i64| Timestamp::from_micros(1_795_000_000_000_000 + seconds * 1_000_000);
        assert_eq!(between(at(0), at(20), at(30)), None);
        assert_eq!(between(at(0), at(-2), at(0)), None);
        let (ahead, behind) = (between(at(300), at(0), at(301)).unwrap(), between(at(0), at(300), at(1)).unwrap());
        assert_eq!(ahead, Skew { by: Duration::from_mins(5), ahead: true });
        assert_eq!(behind, Skew { by: Duration::from_secs(299), ahead: false });
        assert_eq!(ahead.to_string(), "300 s ahead of the database server's");
    }
}
