//! The words of notices, in German and English: here and nowhere else.

use super::{Fact, Kind};
use crate::language::Language;

/// What a kind of event is told with.
pub(super) struct Words {
    /// Before the colon of the title.
    pub(super) title: &'static str,
    /// What happened.
    pub(super) sentence: &'static str,
    /// What to do.
    pub(super) advice: &'static str,
}

/// What stands around the facts.
pub(super) struct Labels {
    pub(super) subject: &'static str,
    pub(super) platform: &'static str,
    pub(super) at: &'static str,
    pub(super) cause: &'static str,
    pub(super) link: &'static str,
    pub(super) closing: &'static str,
}

pub(super) fn labels(language: Language) -> Labels {
    match language {
        Language::German => Labels {
            subject: "Betrifft",
            platform: "die Plattform",
            at: "Zeitpunkt",
            cause: "Ursache",
            link: "Mehr dazu",
            closing: "Diese Nachricht hat ChiliView selbsttätig verschickt.",
        },
        Language::English => Labels {
            subject: "About",
            platform: "the platform",
            at: "Time",
            cause: "Cause",
            link: "More",
            closing: "ChiliView sent this message by itself.",
        },
    }
}

/// A fact's name in JSON.
pub(super) fn name(fact: Fact) -> &'static str {
    names(fact).0
}

/// A fact's name for people.
pub(super) fn label(fact: Fact, language: Language) -> &'static str {
    let (_, german, english) = names(fact);
    if language == Language::German { german } else { english }
}

fn names(fact: Fact) -> (&'static str, &'static str, &'static str) {
    match fact {
        Fact::Backup => ("backup", "Sicherung", "Backup"),
        Fact::Restore => ("restore", "Wiederherstellung", "Restore"),
        Fact::Job => ("job", "Auftrag", "Job"),
        Fact::Schedule => ("schedule", "Zeitplan", "Schedule"),
        Fact::Phase => ("phase", "Schritt", "Step"),
        Fact::Due => ("due", "Fällig", "Due"),
        Fact::LastVerified => ("last_verified", "Zuletzt geprüft gesichert", "Last verified backup"),
        Fact::Since => ("since", "Seit", "Since"),
        Fact::Path => ("path", "Verzeichnis", "Directory"),
        Fact::Free => ("free", "Frei", "Free"),
        Fact::Size => ("size", "Größe", "Size"),
        Fact::Tenants => ("tenants", "Mandanten", "Tenants"),
        Fact::Schema => ("schema", "Schema", "Schema"),
    }
}

pub(super) fn of(kind: Kind, language: Language) -> Words {
    let (title, sentence, advice) = match language {
        Language::German => german(kind),
        Language::English => english(kind),
    };
    Words { title, sentence, advice }
}

fn german(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::BackupFailed => (
            "Sicherung fehlgeschlagen",
            "Eine Sicherung ist fehlgeschlagen. Es ist kein neuer geprüfter Stand entstanden; ältere Stände sind unberührt.",
            "Bitte beheben Sie die Ursache und starten Sie die Sicherung noch einmal.",
        ),
        Kind::BackupDamaged => (
            "Sicherung beschädigt",
            "Eine Sicherung, die in Ordnung war, hat die erneute Prüfung nicht bestanden. Sie wird nicht zurückgespielt.",
            "Bitte starten Sie sofort eine neue Sicherung und prüfen Sie den Datenträger.",
        ),
        Kind::BackupMissed => (
            "Sicherung ausgefallen",
            "Eine fällige Sicherung hat nicht begonnen.",
            "Bitte prüfen Sie, ob der Dienst zur fälligen Zeit lief und ob Aufträge warten.",
        ),
        Kind::DiskLow => (
            "Speicherplatz wird knapp",
            "Der freie Speicherplatz liegt unter der eingestellten Grenze.",
            "Bitte schaffen Sie Platz oder verkürzen Sie die Aufbewahrung, bevor Sicherungen fehlschlagen.",
        ),
        Kind::BackupRecovered => (
            "Sicherung gelingt wieder",
            "Nach einem Fehlschlag ist wieder eine geprüfte Sicherung entstanden.",
            "Sie brauchen nichts zu tun.",
        ),
        Kind::ScheduleLate => (
            "Zeitplan im Verzug",
            "Die neueste geprüfte Sicherung ist älter, als der Zeitplan es vorsieht.",
            "Bitte prüfen Sie die letzten Läufe des Zeitplans.",
        ),
        Kind::FleetMigrationFailed => (
            "Umstellung fehlgeschlagen",
            "Eine Datenbank konnte nicht auf das neue Schema umgestellt werden. Die übrigen Mandanten werden weiter bedient.",
            "Bitte beheben Sie die Ursache und setzen Sie die Umstellung fort.",
        ),
        Kind::RestoreFailed => (
            "Wiederherstellung fehlgeschlagen",
            "Eine Wiederherstellung ist fehlgeschlagen. Die bisherige Datenbank ist unverändert in Betrieb.",
            "Bitte beheben Sie die Ursache und starten Sie die Wiederherstellung noch einmal.",
        ),
        Kind::DiskRecovered => (
            "Wieder genug Speicherplatz",
            "Der freie Speicherplatz liegt wieder über der eingestellten Grenze.",
            "Sie brauchen nichts zu tun.",
        ),
        Kind::ScheduleRecovered => (
            "Zeitplan wieder im Takt",
            "Die geprüften Sicherungen sind wieder so neu, wie der Zeitplan es vorsieht.",
            "Sie brauchen nichts zu tun.",
        ),
        Kind::Test => ("Probe", "Das ist eine Probe: Benachrichtigungen kommen an.", "Sie brauchen nichts zu tun."),
    }
}

fn english(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::BackupFailed => (
            "Backup failed",
            "A backup failed. There is no new verified snapshot; older ones are untouched.",
            "Please remove the cause and start the backup again.",
        ),
        Kind::BackupDamaged => (
            "Backup damaged",
            "A backup that was good did not pass when it was proven again. It will not be restored.",
            "Please start a new backup at once, and check the storage.",
        ),
        Kind::BackupMissed => (
            "Backup missed",
            "A backup that was due did not begin.",
            "Please check whether the service was running at that time, and whether jobs are waiting.",
        ),
        Kind::DiskLow => (
            "Disk space is low",
            "Free space is below the configured limit.",
            "Please make room or keep fewer backups, before backups fail.",
        ),
        Kind::BackupRecovered => {
            ("Backup succeeds again", "After a failure there is a verified backup again.", "There is nothing to do.")
        }
        Kind::ScheduleLate => (
            "Schedule is late",
            "The newest verified backup is older than the schedule wants it to be.",
            "Please look at the schedule's last runs.",
        ),
        Kind::FleetMigrationFailed => (
            "Migration failed",
            "A database could not be brought to the new schema. The other tenants are served as before.",
            "Please remove the cause and resume the migration.",
        ),
        Kind::RestoreFailed => (
            "Restore failed",
            "A restore failed. The database that was there is still in use, unchanged.",
            "Please remove the cause and start the restore again.",
        ),
        Kind::DiskRecovered => {
            ("Disk space is enough again", "Free space is above the configured limit again.", "There is nothing to do.")
        }
        Kind::ScheduleRecovered => (
            "Schedule is on time again",
            "The verified backups are as new again as the schedule wants them to be.",
            "There is nothing to do.",
        ),
        Kind::Test => ("Test", "This is a test: notifications arrive.", "There is nothing to do."),
    }
}
