//! Notices: complete in both languages, and without secrets.

use std::collections::BTreeSet;

use super::*;

const LANGUAGES: [Language; 2] = [Language::German, Language::English];

fn notice(kind: Kind) -> Notice {
    Notice::new(kind, "2026-03-01T04:05:06Z".parse().unwrap())
}

fn failed() -> Notice {
    notice(Kind::BackupFailed)
        .subject("acme")
        .fact(Fact::Backup, "0198c0de-0000-7000-8000-000000000001")
        .fact(Fact::Phase, "copying")
        .cause("find room for /data/shelf")
        .link("https://console.example/backups/1".parse().unwrap())
}

#[test]
fn every_kind_is_named_and_read_by_its_name() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
        assert_eq!(json!(kind), json!(kind.name()));
    }
    assert_eq!("backup_exploded".parse::<Kind>(), Err(UnknownKind));
}

#[test]
fn every_kind_has_words_of_its_own_in_both_languages() {
    let titles: BTreeSet<_> = LANGUAGES.iter().flat_map(|it| Kind::ALL.map(|kind| notice(kind).title(*it))).collect();
    let texts: BTreeSet<_> = LANGUAGES.iter().flat_map(|it| Kind::ALL.map(|kind| notice(kind).text(*it))).collect();
    assert_eq!(titles.len(), 2 * Kind::ALL.len());
    assert_eq!(texts.len(), 2 * Kind::ALL.len());
}

#[test]
fn a_failed_backup_reads_well_in_german() {
    assert_eq!(failed().title(Language::German), "[ChiliView] Sicherung fehlgeschlagen: acme");
    assert_eq!(
        failed().text(Language::German),
        "Eine Sicherung ist fehlgeschlagen. Es ist kein neuer geprüfter Stand entstanden; ältere Stände sind unberührt.\n\n\
         Ursache: find room for /data/shelf\n\n\
         Betrifft: acme\n\
         Zeitpunkt: 2026-03-01 04:05:06 UTC\n\
         Sicherung: 0198c0de-0000-7000-8000-000000000001\n\
         Schritt: copying\n\n\
         Bitte beheben Sie die Ursache und starten Sie die Sicherung noch einmal.\n\n\
         Mehr dazu: https://console.example/backups/1\n\n\
         Diese Nachricht hat ChiliView selbsttätig verschickt.\n"
    );
}

#[test]
fn a_platform_notice_reads_well_in_english() {
    let text = notice(Kind::DiskLow).fact(Fact::Free, "512.0 MiB").text(Language::English);
    assert!(text.contains("About: the platform\nTime: 2026-03-01 04:05:06 UTC\nFree: 512.0 MiB\n"), "{text}");
}

#[test]
fn the_json_says_the_same() {
    let expected = json!({
        "subject": "acme",
        "severity": "critical",
        "at": "2026-03-01T04:05:06.000Z",
        "facts": {"backup": "0198c0de-0000-7000-8000-000000000001", "phase": "copying"},
        "cause": "find room for /data/shelf",
        "link": "https://console.example/backups/1",
    });
    assert_eq!(failed().json(), expected);
}

#[test]
fn a_notice_that_was_kept_is_the_same_again() {
    let kept = serde_json::to_string(&failed()).unwrap();
    assert_eq!(serde_json::from_str::<Notice>(&kept).unwrap(), failed());
}

#[test]
fn no_secret_gets_out_in_any_form() {
    let canaries = ["canary-password", "canary-token", "canary-whsec", "CANARYAGE"];
    let told = notice(Kind::BackupFailed)
        .subject("acme whsec_canary-whsec")
        .fact(Fact::Path, "postgres://chili:canary-password@db/x?key=canary-token")
        .cause(
            "call https://u:canary-password@h/x?t=canary-token with AGE-SECRET-KEY-1CANARYAGE and Bearer canary-token",
        )
        .link("https://me:canary-password@console.example/x?token=canary-token#canary-token".parse().unwrap());
    let kept = serde_json::to_string(&told).unwrap();
    let mut forms = vec![told.json().to_string(), kept, format!("{told:?}")];
    forms.extend(LANGUAGES.iter().flat_map(|language| [told.title(*language), told.text(*language)]));
    for form in forms {
        for canary in canaries {
            assert!(!form.contains(canary), "{form}");
        }
    }
}

#[test]
fn the_title_is_one_line_whatever_comes() {
    let told = notice(Kind::Test).subject("a\r\nBcc: everybody@example.com\u{2028}x");
    for language in LANGUAGES {
        assert_eq!(told.title(language).lines().count(), 1);
        assert!(!told.title(language).chars().any(char::is_control));
    }
}
