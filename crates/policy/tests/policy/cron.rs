//! What is taken for a cron expression and for a zone.

use chiliview_policy::schedule::{Cron, CronError, Field, Zone};
use proptest::prelude::*;

fn refused(text: &str) -> CronError {
    text.parse::<Cron>().unwrap_err()
}

fn refused_field(text: &str) -> (Field, String) {
    match refused(text) {
        CronError::Field { field, text, .. } => (field, text),
        other => panic!("{text}: {other}"),
    }
}

#[test]
fn five_fields_and_nicknames_are_taken() {
    for text in [
        "0 2 * * *",
        "*/15 * * * *",
        "0 0 29 2 *",
        "0 4 L * *",
        "0 4 * * FRI#2",
        "0 9-17/2 1,15 JAN-MAR MON-FRI",
        "@daily",
        "@Weekly",
    ] {
        assert_eq!(text.parse::<Cron>().unwrap().as_str(), text);
    }
    assert_eq!("  0   2 * *\t*".parse::<Cron>().unwrap().to_string(), "0 2 * * *");
}

#[test]
fn the_field_that_is_wrong_is_named() {
    assert_eq!(refused_field("61 2 * * *"), (Field::Minute, "61".into()));
    assert_eq!(refused_field("0 24 * * *"), (Field::Hour, "24".into()));
    assert_eq!(refused_field("0 2 32 * *"), (Field::DayOfMonth, "32".into()));
    assert_eq!(refused_field("0 2 * 13 *"), (Field::Month, "13".into()));
    assert_eq!(refused_field("0 2 * * MONDAY"), (Field::DayOfWeek, "MONDAY".into()));
    assert_eq!(refused_field("0 2 * * 8"), (Field::DayOfWeek, "8".into()));
    assert_eq!(refused_field("*/0 2 * * *"), (Field::Minute, "*/0".into()));
    assert_eq!(refused_field(", * * * *"), (Field::Minute, ",".into()));
    assert_eq!(refused_field("0 1,,2 * * *"), (Field::Hour, "1,,2".into()));
    assert_eq!(
        refused("61 2 * * *").to_string(),
        "accept \"61\" as minute: number out of bounds; it goes from 0 to 59"
    );
}

#[test]
fn seconds_years_and_unknown_nicknames_are_refused() {
    assert_eq!(refused("0 0 2 * * *"), CronError::Seconds(6));
    assert_eq!(refused("0 0 2 * * * 2026"), CronError::Seconds(7));
    assert_eq!(refused("0 2 *"), CronError::Fields(3));
    assert_eq!(refused("@reboot"), CronError::Nickname);
    assert_eq!(refused("@daily 0 2 * *"), CronError::Nickname);
    assert_eq!(refused(" "), CronError::Empty);
}

#[test]
fn what_never_fires_is_refused() {
    assert_eq!(refused("0 0 31 2 *"), CronError::Never);
    assert_eq!(refused("0 0 30,31 FEB *"), CronError::Never);
    assert_eq!(refused("0 0 31 4,6,9,11 *"), CronError::Never);
}

#[test]
fn length_is_bounded() {
    assert_eq!(refused(&"0 ".repeat(200)), CronError::TooLong);
    assert!("Europe/Berlin".repeat(1000).parse::<Zone>().is_err());
}

#[test]
fn zones_go_by_their_iana_names_old_ones_too() {
    assert_eq!("Europe/Berlin".parse::<Zone>().unwrap().name(), "Europe/Berlin");
    assert_eq!("Asia/Calcutta".parse::<Zone>().unwrap().name(), "Asia/Calcutta");
}

#[test]
fn an_unknown_zone_gets_the_name_most_like_it() {
    let suggestion = |name: &str| name.parse::<Zone>().unwrap_err().suggestion;
    assert_eq!(suggestion("Europe/Berln"), Some("Europe/Berlin"));
    assert_eq!(suggestion("europe/berlin"), Some("Europe/Berlin"));
    assert_eq!(suggestion("Berlin"), Some("Europe/Berlin"));
    assert_eq!(suggestion("new york"), Some("America/New_York"));
    assert_eq!(suggestion("xqzw"), None);
    assert_eq!("Berlin".parse::<Zone>().unwrap_err().to_string(), "find the time zone: is Europe/Berlin meant?");
}

#[test]
fn both_are_strings_in_json() {
    let cron: Cron = serde_json::from_str("\"0 2 * * *\"").unwrap();
    assert_eq!(serde_json::to_string(&cron).unwrap(), "\"0 2 * * *\"");
    assert!(serde_json::from_str::<Zone>("\"Nowhere\"").is_err());
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in "[-0-9*/,LW#?+@A-Z ]{0,30}|\\PC{0,40}") {
        if let Ok(cron) = text.parse::<Cron>() {
            prop_assert_eq!(cron.as_str().parse::<Cron>(), Ok(cron.clone()));
        }
    }
}
