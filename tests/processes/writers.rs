//! Writers: users are made and changed, one after the other, and what was acknowledged is noted.

use std::{collections::HashMap, time::Duration};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::people::Person;
use crate::support::Client;

/// A user who is there, and what he may be called: more than one where nobody can say whether a change was made.
struct Noted {
    username: String,
    called: Vec<&'static str>,
}

/// At work until they are told to stop.
pub(super) struct Writers {
    stop: CancellationToken,
    /// Whose users they write.
    at_work: Vec<(String, JoinHandle<Vec<Noted>>)>,
}

impl Writers {
    /// One for each tenant.
    pub(super) fn start(person: &Person, tenants: &[String]) -> Self {
        let stop = CancellationToken::new();
        let at_work = tenants.iter().map(|slug| {
            let (person, stop) = (person.clone(), stop.clone());
            (slug.clone(), tokio::spawn(write_on(person, slug.clone(), stop)))
        });
        Self { at_work: at_work.collect(), stop }
    }

    /// All that was acknowledged is there, as it was acknowledged.
    pub(super) async fn all_is_there(self, admin: &Client) {
        self.stop.cancel();
        let mut count = 0;
        for (slug, writer) in self.at_work {
            let noted = writer.await.unwrap();
            let users = admin.all(&format!("/api/tenants/{slug}/users")).await;
            let called: HashMap<_, _> = users
                .iter()
                .map(|user| (user["username"].as_str().unwrap(), user["display_name"].as_str().unwrap()))
                .collect();
            for Noted { username, called: names } in &noted {
                let found = called.get(username.as_str());
                let found = found.unwrap_or_else(|| panic!("{username} of {slug} was acknowledged and is lost"));
                assert!(names.contains(found), "{username} of {slug} is called {found}, not {names:?}");
            }
            count += noted.len();
        }
        assert!(count > 0, "nothing was written");
        println!("{count} users were acknowledged, and are there");
    }
}

async fn write_on(person: Person, slug: String, stop: CancellationToken) -> Vec<Noted> {
    let mut noted = Vec::new();
    for number in 0.. {
        if stop.is_cancelled() {
            break;
        }
        let username = format!("user-{number:05}");
        match write(&person, &slug, &username).await {
            Some(called) => noted.push(Noted { username, called }),
            // Another name is tried then; there is no hurry.
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    noted
}

async fn write(person: &Person, slug: &str, username: &str) -> Option<Vec<&'static str>> {
    let users = format!("/api/tenants/{slug}/users");
    let wish = json!({"username": username, "email": format!("{username}@example.com"), "display_name": "First"});
    let made = person.once(Method::POST, &users, |request: RequestBuilder| request.json(&wish)).await?.expect(201);
    let path = format!("{users}/{}", made["id"].as_str().unwrap());
    let version = format!("\"{}\"", made["version"]);
    let change = |request: RequestBuilder| request.header("If-Match", version).json(&json!({"display_name": "Second"}));
    Some(match person.once(Method::PATCH, &path, change).await {
        Some(answer) => {
            answer.expect(200);
            vec!["Second"]
        }
        None => vec!["First", "Second"],
    })
}
