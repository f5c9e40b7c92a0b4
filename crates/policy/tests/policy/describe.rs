//! Schedules in words.

use chiliview_policy::schedule::Language::{English, German};
use proptest::prelude::*;

use crate::samples::timing;

#[test]
fn schedules_are_said_in_english_and_german() {
    let table = [
        ("0 2 * * *", "every day at 02:00", "täglich um 02:00 Uhr"),
        ("@daily", "every day at 00:00", "täglich um 00:00 Uhr"),
        ("0 2,14 * * *", "every day at 02:00 and 14:00", "täglich um 02:00 und 14:00 Uhr"),
        ("0 */6 * * *", "every day at 00:00, 06:00, 12:00 and 18:00", "täglich um 00:00, 06:00, 12:00 und 18:00 Uhr"),
        ("30 3 * * 1", "every Monday at 03:30", "jeden Montag um 03:30 Uhr"),
        ("30 3 * * 0,3", "every Wednesday and Sunday at 03:30", "jeden Mittwoch und Sonntag um 03:30 Uhr"),
        ("30 3 * * 7", "every Sunday at 03:30", "jeden Sonntag um 03:30 Uhr"),
        ("30 3 * * MON-FRI", "Monday to Friday at 03:30", "Montag bis Freitag um 03:30 Uhr"),
        ("0 4 1 * *", "on day 1 of the month at 04:00", "am 1. des Monats um 04:00 Uhr"),
        ("0 4 1,15 * *", "on day 1 and 15 of the month at 04:00", "am 1. und 15. des Monats um 04:00 Uhr"),
        ("0 4 L * *", "on the last day of the month at 04:00", "am letzten Tag des Monats um 04:00 Uhr"),
        ("@yearly", "on 1 January at 00:00", "am 1. Januar um 00:00 Uhr"),
        (
            "0 4 1 1,7 *",
            "on day 1 of the month in January and July at 04:00",
            "am 1. des Monats im Januar und Juli um 04:00 Uhr",
        ),
        ("0 4 * 3 *", "every day in March at 04:00", "täglich im März um 04:00 Uhr"),
        ("* * * * *", "every minute", "jede Minute"),
        ("*/15 * * * *", "every 15 minutes", "alle 15 Minuten"),
        ("0,30 * * * *", "every 30 minutes", "alle 30 Minuten"),
        ("@hourly", "every hour", "stündlich"),
        ("20 * * * 6", "every hour at minute 20 every Saturday", "stündlich zur Minute 20 jeden Samstag"),
        ("0 4 * * 5#2", "by the cron expression 0 4 * * 5#2", "nach dem Cron-Ausdruck 0 4 * * 5#2"),
        ("0 4 13 * 5", "by the cron expression 0 4 13 * 5", "nach dem Cron-Ausdruck 0 4 13 * 5"),
        ("*/7 * * * *", "by the cron expression */7 * * * *", "nach dem Cron-Ausdruck */7 * * * *"),
    ];
    for (cron, english, german) in table {
        let timing = timing(cron, "Europe/Berlin");
        assert_eq!(timing.describe(English), format!("{english} (Europe/Berlin)"));
        assert_eq!(timing.describe(German), format!("{german} (Europe/Berlin)"));
    }
}

proptest! {
    #[test]
    fn every_schedule_has_words(cron in "([0-9]|\\*/[1-9]) ([0-9]|\\*|1-5) (\\*|L|[1-9]|15W) (\\*|[1-9]|1-12) (\\*|[0-7]|1-5|5L)") {
        let timing = timing(&cron, "UTC");
        prop_assert!(timing.describe(English).ends_with(" (UTC)"));
        prop_assert!(timing.describe(German).len() > " (UTC)".len());
    }
}
