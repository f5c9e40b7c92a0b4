//! Schedules in words. croner describes in English and Swedish, so the words are ours; what they cannot say stays an expression.

mod words;

use croner::CronPattern;

use super::{Cron, Timing};
use words::Words;

/// More times or days than this are not listed one by one.
const MOST_LISTED: usize = 6;

/// What language a schedule is described in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

pub(super) fn describe(timing: &Timing, language: Language) -> String {
    let words = Words::of(language);
    let said = say(&timing.cron, words).unwrap_or_else(|| words.expression(timing.cron.as_str()));
    format!("{said} ({})", timing.zone)
}

fn say(cron: &Cron, words: Words) -> Option<String> {
    let pattern = cron.pattern();
    let days = days(pattern, words)?;
    let months = pattern.months.values();
    // One month was said with its day: "on 1 January".
    let within = if months.len() == 12 || days.names_month { None } else { Some(words.within(&months)) };
    let often = if cron.is_hourly() { Some(often(pattern, words)?) } else { None };
    let parts = match often {
        Some(often) => [Some(often), days.text, within],
        None => [Some(days.text.unwrap_or_else(|| words.daily().to_owned())), within, Some(words.at(&times(pattern)?))],
    };
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// What runs in every hour: "every 15 minutes".
fn often(pattern: &CronPattern, words: Words) -> Option<String> {
    let minutes = pattern.minutes.values();
    match minutes.as_slice() {
        [0] => Some(words.hourly().to_owned()),
        [minute] => Some(words.minute_of_hour(*minute)),
        [0, step, ..] if 60 % step == 0 && minutes.iter().copied().eq((0..60).step_by(usize::from(*step))) => {
            Some(words.every_minutes(*step))
        }
        _ => None,
    }
}

/// "02:00", "14:00".
fn times(pattern: &CronPattern) -> Option<Vec<String>> {
    let (hours, minutes) = (pattern.hours.values(), pattern.minutes.values());
    if hours.len() * minutes.len() > MOST_LISTED {
        return None;
    }
    let of_hour = |hour: u16| minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}"));
    Some(hours.into_iter().flat_map(of_hour).collect())
}

/// The days in words; no text when it is each of them.
struct Days {
    text: Option<String>,
    names_month: bool,
}

fn days(pattern: &CronPattern, words: Words) -> Option<Days> {
    match (pattern.is_dom_wildcard(), pattern.is_dow_wildcard()) {
        (true, true) => Some(Days { text: None, names_month: false }),
        (true, false) => weekdays(pattern, words).map(|text| Days { text, names_month: false }),
        (false, true) => days_of_month(pattern, words),
        // Either of the two, or both: nobody reads that well.
        (false, false) => None,
    }
}

fn weekdays(pattern: &CronPattern, words: Words) -> Option<Option<String>> {
    if pattern.days_of_week.has_modifiers() {
        return None;
    }
    // Sunday ends the week of people; cron begins with it.
    let mut days = pattern.days_of_week.values();
    days.retain(|day| *day < 7);
    days.sort_by_key(|day| (day + 6) % 7);
    Some(if days.len() == 7 { None } else { Some(words.weekdays(&days)) })
}

fn days_of_month(pattern: &CronPattern, words: Words) -> Option<Days> {
    let days = pattern.days.values();
    if pattern.days.has_modifiers() {
        let only_last = days.is_empty() && pattern.as_str().split(' ').nth(2) == Some("L");
        let text = only_last.then(|| words.last_day().to_owned())?;
        return Some(Days { text: Some(text), names_month: false });
    }
    match (days.as_slice(), pattern.months.values().as_slice()) {
        ([day], [month]) => Some(Days { text: Some(words.date(*day, *month)), names_month: true }),
        (days, _) if days.len() == 31 => Some(Days { text: None, names_month: false }),
        (days, _) if days.len() <= MOST_LISTED => Some(Days { text: Some(words.days(days)), names_month: false }),
        _ => None,
    }
}
