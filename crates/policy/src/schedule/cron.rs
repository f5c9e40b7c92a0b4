//! Cron expressions: five fields, or a nickname such as `@daily`; a bad one is refused with the field and the reason.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use croner::Direction;
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Serialize};

/// Nicknames, and what they mean.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A cron expression that fires at some time. Equal ones are written alike; in JSON it is a string.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    text: String,
    parsed: croner::Cron,
    hourly: bool,
}

/// The fields in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Minute of the hour.
    Minute,
    /// Hour of the day.
    Hour,
    /// Day of the month.
    DayOfMonth,
    /// Month, by number or by the first three letters of its English name.
    Month,
    /// Day of the week; Sunday is 0 and 7, and names are the first three letters of the English ones.
    DayOfWeek,
}

/// Why an expression was refused. The words complete "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// There is nothing in it.
    #[error("find an expression: it is empty")]
    Empty,
    /// It is longer than any sensible one.
    #[error("take more than {} characters", Cron::MAX_BYTES)]
    TooLong,
    /// It has six or seven fields.
    #[error(
        "accept {0} fields: seconds and years cannot be named, give minute, hour, day of month, month, day of week"
    )]
    Seconds(usize),
    /// It has too few fields, or far too many.
    #[error("accept {0} fields: five are needed, minute, hour, day of month, month, day of week")]
    Fields(usize),
    /// It starts with an `@` and is none of the nicknames.
    #[error("recognise the nickname: @yearly, @monthly, @weekly, @daily and @hourly are known")]
    Nickname,
    /// One field is wrong.
    #[error("accept \"{text}\" as {field}: {reason}")]
    Field {
        /// Which.
        field: Field,
        /// What it says.
        text: String,
        /// Why that is wrong.
        reason: String,
    },
    /// Each field is right, and the whole is not.
    #[error("understand it: {0}")]
    Whole(String),
    /// No day there is matches, as with the 31st of February.
    #[error("find a day on which it fires")]
    Never,
}

impl Cron {
    /// No expression is longer than this.
    pub const MAX_BYTES: usize = 200;

    /// The expression, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it runs in every hour of the day, so that it follows the clock and names no times of the day.
    pub fn is_hourly(&self) -> bool {
        self.hourly
    }

    /// What croner read, for those who look at single fields.
    pub(super) fn pattern(&self) -> &croner::CronPattern {
        &self.parsed.pattern
    }

    /// The matching clock times from `start` on, itself included, in `direction`. They know no time zone.
    pub(super) fn times(&self, start: NaiveDateTime, direction: Direction) -> impl Iterator<Item = NaiveDateTime> {
        self.parsed.iter_from(start, direction)
    }
}

impl FromStr for Cron {
    type Err = CronError;

    /// # Errors
    /// [`CronError`], when it is not one or never fires.
    fn from_str(given: &str) -> Result<Self, CronError> {
        if given.len() > Self::MAX_BYTES {
            return Err(CronError::TooLong);
        }
        let text = given.split_whitespace().collect::<Vec<_>>().join(" ");
        let meaning = meaning(&text)?;
        let fields = meaning.split(' ').collect::<Vec<_>>();
        match fields.len() {
            5 => {}
            many @ 6..=7 => return Err(CronError::Seconds(many)),
            other => return Err(CronError::Fields(other)),
        }
        for (field, text) in Field::ALL.into_iter().zip(&fields) {
            field.check(text)?;
        }
        let parsed = parser().parse(meaning).map_err(|error| CronError::Whole(error.to_string()))?;
        // The search ends in the year 5000.
        let start = NaiveDate::default().and_time(NaiveTime::MIN);
        parsed.find_next_occurrence(&start, true).map_err(|_| CronError::Never)?;
        let hourly = parsed.pattern.hours.values().len() == 24;
        Ok(Self { text, parsed, hourly })
    }
}

fn meaning(text: &str) -> Result<&str, CronError> {
    if text.is_empty() {
        return Err(CronError::Empty);
    }
    if !text.starts_with('@') {
        return Ok(text);
    }
    let known = NICKNAMES.iter().find(|(nickname, _)| nickname.eq_ignore_ascii_case(text));
    known.map(|(_, meaning)| *meaning).ok_or(CronError::Nickname)
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build()
}

impl Field {
    const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek];

    /// Parses `text` as this field and stars as the others: croner does not say in which field its complaint is.
    fn check(self, text: &str) -> Result<(), CronError> {
        let refused = |reason: String| CronError::Field { field: self, text: text.to_owned(), reason };
        // croner passes over empty parts, and searches for seconds on end when nothing is left.
        if text.trim_start_matches('+').split(',').any(str::is_empty) {
            return Err(refused("a part of the list is empty".into()));
        }
        let alone = Self::ALL.map(|field| if field == self { text } else { "*" }).join(" ");
        parser().parse(&alone).map(drop).map_err(|error| refused(self.reason(&error)))
    }

    fn reason(self, error: &croner::errors::CronError) -> String {
        use croner::errors::CronError as Croner;
        match error {
            Croner::IllegalCharacters(_) => {
                format!("a character or name that it cannot have; it goes {}", self.range())
            }
            Croner::ComponentError(reason) | Croner::InvalidPattern(reason) => {
                let reason = reason.trim_end_matches('.');
                let mut letters = reason.chars();
                let first = letters.next().map(|c| c.to_ascii_lowercase());
                format!("{}; it goes {}", first.into_iter().chain(letters).collect::<String>(), self.range())
            }
            other => other.to_string(),
        }
    }

    fn range(self) -> &'static str {
        match self {
            Self::Minute => "from 0 to 59",
            Self::Hour => "from 0 to 23",
            Self::DayOfMonth => "from 1 to 31, or L for the last",
            Self::Month => "from 1 to 12, or JAN to DEC",
            Self::DayOfWeek => "from 0 (Sunday) to 7 (Sunday), or SUN to SAT",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Display for Cron {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text)
    }
}

impl TryFrom<String> for Cron {
    type Error = CronError;

    fn try_from(text: String) -> Result<Self, CronError> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}
