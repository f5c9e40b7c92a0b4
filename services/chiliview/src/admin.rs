//! `chiliview admin`: the platform's admins, straight in the database. It works while the service runs, and when nobody
//! can log in any more.

use std::{io::Read as _, path::PathBuf};

use chiliview_api::passwords;
use chiliview_store::{
    Store,
    admins::{self, Admin, AdminRole, Filter},
    audit::{self, Actor, Event},
    paging::{Cursor, Direction, Page},
    second_factors,
};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    cli::{Call, words},
    exit::{Exit, Failure},
    first_admin, log, open, output,
};

const PAGE: i64 = 500;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Add an admin; without a password file he gets a random password, which is shown once
    Create {
        /// What he logs in with
        username: String,
        /// What he may do
        #[arg(long, default_value = "owner", value_parser = words(AdminRole::ALL, AdminRole::as_str))]
        role: AdminRole,
        /// His e-mail address
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        password: Password,
    },
    /// Give an admin a new password, let him log in again, and end his sessions
    ResetPassword {
        /// What he logs in with
        username: String,
        /// Remove his second factor too: he has lost his app and his recovery codes
        #[arg(long)]
        second_factor: bool,
        #[command(flatten)]
        password: Password,
    },
    /// List all admins
    List,
}

/// Where a password comes from. Never an argument: every user of the machine could read it.
#[derive(Args)]
pub(crate) struct Password {
    /// Read the password from FILE; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Opens the installation and does it.
pub(crate) async fn run(call: Call, command: Command) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    let store = open::existing(&call.settings).await?;
    let done = match command {
        Command::Create { username, role, email, password } => {
            create(&store, call.json, &username, role, email, &password).await
        }
        Command::ResetPassword { username, second_factor, password } => {
            let done = reset(&store, call.json, &username, &password).await;
            if done.is_ok() && second_factor { remove_second_factor(&store, &username).await } else { done }
        }
        Command::List => list(&store, call.json).await,
    };
    store.close().await;
    guard.shutdown();
    done.map(|()| Exit::Ok)
}

async fn create(
    store: &Store,
    json: bool,
    username: &str,
    role: AdminRole,
    email: Option<String>,
    password: &Password,
) -> Result<(), Failure> {
    if let Some(fault) = chiliview_api::fields::username_fault(username) {
        return Err(Failure::usage(format!("name an admin {username:?}: {fault}")));
    }
    let (secret, hash) = password.read(username).await?;
    let admin = Admin { email, ..first_admin::owner(store, username, role, hash) };
    let inserted = store.central().write(async |tx| {
        admins::insert(tx, &admin).await?;
        let event = Event::done("admin.create", "admin", admin.id);
        audit::record(tx, store.ids().next(), admin.created_at, &by_hand(), event).await
    });
    inserted.await.map_err(|error| match error.is_duplicate_of("admins", "username_key") {
        true => Failure::failed(format!("add the admin {username:?}: there is one already")),
        false => error.into(),
    })?;
    told(json, &admin, secret)
}

async fn reset(store: &Store, json: bool, username: &str, password: &Password) -> Result<(), Failure> {
    let (secret, hash) = password.read(username).await?;
    let changed = store.central().write(async |tx| {
        let Some(mut admin) = admins::find_by_username(tx, username).await? else { return Ok(None) };
        admin.password_hash.clone_from(&hash);
        // Sessions carry the number that they were begun with: all of his end here.
        admin.credential_version += 1;
        admin.disabled_at = None;
        admin.updated_at = store.clock().now();
        admins::update(tx, &admin).await?;
        let event = Event::done("admin.reset_password", "admin", admin.id);
        audit::record(tx, store.ids().next(), admin.updated_at, &by_hand(), event).await?;
        Ok::<_, chiliview_store::Error>(Some(admin))
    });
    match changed.await? {
        Some(admin) => told(json, &admin, secret),
        None => Err(Failure::failed(format!("reset a password: there is no admin {username:?}"))),
    }
}

async fn remove_second_factor(store: &Store, username: &str) -> Result<(), Failure> {
    let removed = store.central().write(async |tx| {
        let Some(admin) = admins::find_by_username(tx, username).await? else { return Ok(()) };
        if second_factors::delete(tx, admin.id).await? {
            let event = Event::done("admin.reset_totp", "admin", admin.id);
            audit::record(tx, store.ids().next(), store.clock().now(), &by_hand(), event).await?;
        }
        Ok::<_, chiliview_store::Error>(())
    });
    Ok(removed.await?)
}

/// A random password goes to standard error for people, and into the document for programs.
fn told(json: bool, admin: &Admin, random: Option<SecretString>) -> Result<(), Failure> {
    if json {
        let mut shown = show(admin);
        if let Some(password) = random {
            shown["password"] = password.expose_secret().into();
        }
        return output::json(&shown);
    }
    match random {
        Some(password) => first_admin::show(&admin.username, &password),
        None => eprintln!("{} {:?} has the new password", admin.role, admin.username),
    }
    Ok(())
}

async fn list(store: &Store, json: bool) -> Result<(), Failure> {
    let mut all: Vec<Admin> = Vec::new();
    loop {
        let after = all.last().map(|admin| Cursor { key: admin.username.to_lowercase(), id: admin.id.to_string() });
        let page = Page { after, limit: PAGE, direction: Direction::Ascending };
        let found = store.central().read(async |tx| admins::list(tx, &Filter::default(), &page).await).await?;
        if found.is_empty() {
            break;
        }
        all.extend(found);
    }
    if json {
        return output::json(&json!({"items": all.iter().map(show).collect::<Vec<_>>()}));
    }
    let time = |at: Option<chiliview_store::Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let rows = all.iter().map(|admin| {
        let state = if admin.disabled_at.is_some() { "disabled" } else { "active" };
        let id = admin.id.to_string();
        [admin.username.clone(), admin.role.to_string(), state.to_owned(), time(admin.last_login_at), id]
    });
    output::table(["USERNAME", "ROLE", "STATE", "LAST LOG-IN", "ID"], &rows.collect::<Vec<_>>())
}

fn show(admin: &Admin) -> Value {
    json!({
        "id": admin.id, "username": admin.username, "email": admin.email, "role": admin.role,
        "disabled_at": admin.disabled_at, "last_login_at": admin.last_login_at, "created_at": admin.created_at,
    })
}

fn by_hand() -> Actor {
    Actor::system("command line", None)
}

impl Password {
    /// The hash, and the password itself when it is a random one that has to be shown.
    async fn read(&self, username: &str) -> Result<(Option<SecretString>, String), Failure> {
        let Some(path) = &self.password_file else {
            let random = passwords::random();
            let hash = first_admin::hash(&random).await?;
            return Ok((Some(random), hash));
        };
        let mut text = String::new();
        if path.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text)?;
        } else {
            text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("read {}: {error}", path.display())))?;
        }
        let password = SecretString::from(text.trim_end_matches(['\n', '\r']));
        Ok((None, first_admin::hash(&first_admin::strong(password, username)?).await?))
    }
}
