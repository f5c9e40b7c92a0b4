//! The words for schedules in each language, and nothing else.

use super::Language;

const WEEKDAYS: [[&str; 2]; 7] = [
    ["Sunday", "Sonntag"],
    ["Monday", "Montag"],
    ["Tuesday", "Dienstag"],
    ["Wednesday", "Mittwoch"],
    ["Thursday", "Donnerstag"],
    ["Friday", "Freitag"],
    ["Saturday", "Samstag"],
];

const MONTHS: [[&str; 2]; 12] = [
    ["January", "Januar"],
    ["February", "Februar"],
    ["March", "März"],
    ["April", "April"],
    ["May", "Mai"],
    ["June", "Juni"],
    ["July", "Juli"],
    ["August", "August"],
    ["September", "September"],
    ["October", "Oktober"],
    ["November", "November"],
    ["December", "Dezember"],
];

/// The words of one language.
#[derive(Clone, Copy)]
pub(super) struct Words(Language);

impl Words {
    pub(super) fn of(language: Language) -> Self {
        Self(language)
    }

    fn pick<T>(self, [english, german]: [T; 2]) -> T {
        match self.0 {
            Language::English => english,
            Language::German => german,
        }
    }

    pub(super) fn expression(self, text: &str) -> String {
        self.pick([format!("by the cron expression {text}"), format!("nach dem Cron-Ausdruck {text}")])
    }

    pub(super) fn daily(self) -> &'static str {
        self.pick(["every day", "täglich"])
    }

    pub(super) fn hourly(self) -> &'static str {
        self.pick(["every hour", "stündlich"])
    }

    pub(super) fn minute_of_hour(self, minute: u16) -> String {
        self.pick([format!("every hour at minute {minute}"), format!("stündlich zur Minute {minute}")])
    }

    pub(super) fn every_minutes(self, step: u16) -> String {
        if step == 1 {
            return self.pick(["every minute", "jede Minute"]).to_owned();
        }
        self.pick([format!("every {step} minutes"), format!("alle {step} Minuten")])
    }

    /// The times of the day, at least one.
    pub(super) fn at(self, times: &[String]) -> String {
        let times = self.list(times);
        self.pick([format!("at {times}"), format!("um {times} Uhr")])
    }

    /// Days of the week from Monday on, at least one.
    pub(super) fn weekdays(self, days: &[u16]) -> String {
        let names = self.names(&WEEKDAYS, days, 0);
        if let ([1, .., last], [first_name, .., last_name]) = (days, names.as_slice())
            && days.len() > 2
            && usize::from((last + 6) % 7) + 1 == days.len()
        {
            return self.pick([format!("{first_name} to {last_name}"), format!("{first_name} bis {last_name}")]);
        }
        let list = self.list(&names);
        self.pick([format!("every {list}"), format!("jeden {list}")])
    }

    pub(super) fn last_day(self) -> &'static str {
        self.pick(["on the last day of the month", "am letzten Tag des Monats"])
    }

    pub(super) fn date(self, day: u16, month: u16) -> String {
        let month = self.names(&MONTHS, &[month], 1).concat();
        self.pick([format!("on {day} {month}"), format!("am {day}. {month}")])
    }

    /// Days of the month, at least one.
    pub(super) fn days(self, days: &[u16]) -> String {
        let list =
            self.list(&days.iter().map(|day| self.pick([day.to_string(), format!("{day}.")])).collect::<Vec<_>>());
        self.pick([format!("on day {list} of the month"), format!("am {list} des Monats")])
    }

    /// The months that it is limited to.
    pub(super) fn within(self, months: &[u16]) -> String {
        let list = self.list(&self.names(&MONTHS, months, 1));
        self.pick([format!("in {list}"), format!("im {list}")])
    }

    fn names(self, table: &[[&'static str; 2]], numbers: &[u16], first: u16) -> Vec<String> {
        let name = |number: &u16| table.get(usize::from(number - first)).map(|names| self.pick(*names).to_owned());
        numbers.iter().filter_map(name).collect()
    }

    /// "a, b and c".
    fn list(self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [only] => only.clone(),
            [firsts @ .., last] => format!("{} {} {last}", firsts.join(", "), self.pick(["and", "und"])),
        }
    }
}
