//! Which policies can be used.

use chiliview_policy::retention::Policy;
use proptest::prelude::*;

fn pointers(policy: Policy) -> Vec<&'static str> {
    policy.validate().err().into_iter().flatten().map(|invalid| invalid.pointer).collect()
}

const NOTHING: Policy =
    Policy { keep_last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, max_age_days: None };

#[test]
fn the_default_is_seven_days_four_weeks_six_months() {
    assert_eq!(Policy::default(), Policy { daily: 7, weekly: 4, monthly: 6, ..NOTHING });
    assert_eq!(pointers(Policy::default()), Vec::<&str>::new());
}

#[test]
fn what_keeps_nothing_is_refused() {
    assert_eq!(pointers(NOTHING), [""]);
    assert_eq!(pointers(Policy { max_age_days: Some(30), ..NOTHING }), [""]);
}

#[test]
fn each_number_out_of_bounds_is_named() {
    let excess = Policy::MOST + 1;
    assert_eq!(pointers(Policy { hourly: excess, yearly: excess, ..NOTHING }), ["/hourly", "/yearly"]);
    assert_eq!(pointers(Policy { keep_last: 1, max_age_days: Some(0), ..NOTHING }), ["/max_age_days"]);
    assert_eq!(
        pointers(Policy { keep_last: 1, max_age_days: Some(Policy::MOST_DAYS + 1), ..NOTHING }),
        ["/max_age_days"]
    );
}

#[test]
fn a_rule_that_is_not_named_keeps_none_and_an_unknown_one_is_refused() {
    let policy: Policy = serde_json::from_str(r#"{"daily": 3}"#).unwrap();
    assert_eq!(policy, Policy { daily: 3, ..NOTHING });
    assert!(serde_json::from_str::<Policy>(r#"{"daily": 3, "dayly": 4}"#).is_err());
    assert!(serde_json::from_str::<Policy>(r#"{"daily": -3}"#).is_err());
}

proptest! {
    #[test]
    fn a_policy_reads_back_as_itself(n in any::<[u32; 6]>(), max_age_days in any::<Option<u32>>()) {
        let [keep_last, hourly, daily, weekly, monthly, yearly] = n;
        let policy = Policy { keep_last, hourly, daily, weekly, monthly, yearly, max_age_days };
        let json = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    }
}
