//! The admin that an empty installation begins with. There is no built-in password: it is the operator's, or a random
//! one that is shown once and kept nowhere.

use std::io::IsTerminal;

use chiliview_api::passwords::{self, Passwords};
use chiliview_store::{
    Store, Timestamp,
    admins::{self, Admin, AdminRole},
    audit::{self, Actor, Event},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{exit::Failure, settings::Secret};

const USERNAME: &str = "admin";

/// Makes the first admin when there is none at all.
pub(crate) async fn ensure(store: &Store, chosen: Option<&Secret>) -> Result<(), Failure> {
    if store.central().read(async |tx| admins::count(tx).await).await? > 0 {
        return Ok(());
    }
    let password = match chosen {
        Some(secret) => strong(secret.inner().clone(), USERNAME)?,
        None => passwords::random(),
    };
    if insert_first(store, hash(&password).await?).await? && chosen.is_none() {
        show(USERNAME, &password);
    }
    Ok(())
}

/// The password, unless it is too weak.
pub(crate) fn strong(password: SecretString, username: &str) -> Result<SecretString, Failure> {
    match passwords::weakness(password.expose_secret(), &[username]) {
        None => Ok(password),
        Some((_, words)) => Err(Failure::usage(format!("use the password for the admin {username:?}: it {words}"))),
    }
}

/// Hashes as the API does.
pub(crate) async fn hash(password: &SecretString) -> Result<String, Failure> {
    Passwords::new().hash(password).await.map_err(|_| Failure::failed("hash the password"))
}

/// False when another process made one meanwhile.
async fn insert_first(store: &Store, hash: String) -> Result<bool, Failure> {
    let admin = owner(store, USERNAME, AdminRole::Owner, hash);
    let made = store.central().write(async |tx| {
        if admins::count(tx).await? > 0 {
            return Ok(false);
        }
        admins::insert(tx, &admin).await?;
        let event = Event::done("admin.create", "admin", admin.id);
        audit::record(tx, store.ids().next(), admin.created_at, &Actor::system("first start", None), event).await?;
        Ok::<_, chiliview_store::Error>(true)
    });
    Ok(made.await?)
}

/// A new admin's row.
pub(crate) fn owner(store: &Store, username: &str, role: AdminRole, password_hash: String) -> Admin {
    let now: Timestamp = store.clock().now();
    Admin {
        id: store.ids().next(),
        username: username.to_owned(),
        email: None,
        display_name: username.to_owned(),
        role,
        password_hash,
        credential_version: 1,
        disabled_at: None,
        last_login_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Shows a password where a person looks and no log does.
pub(crate) fn show(username: &str, password: &SecretString) {
    let lines = [
        String::new(),
        "This password is shown once and kept nowhere:".to_owned(),
        String::new(),
        format!("  username  {username}"),
        format!("  password  {}", password.expose_secret()),
        String::new(),
    ];
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let bold = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let body: String = lines.iter().map(|line| format!("│ {line:width$} │\n")).collect();
    let bar = "─".repeat(width + 2);
    eprint!("{on}┌{bar}┐\n{body}└{bar}┘\n{off}");
}
