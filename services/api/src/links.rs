//! Links that open one backup, or several as one tar, for a while without another log-in, for a browser, a `curl` or another machine.
//!
//! A link names what it opens, for whom and until when, behind an HMAC-SHA256 (RFC 2104) under a key that all processes
//! share. It ends with its time, with what it opens, and with its person: a disabled account, another password, a lesser
//! role, a suspended tenant. It outlives the log-out: a download that runs is not broken by that. It stands in the path,
//! which no log and no trace holds.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chiliview_store::{BackupId, Timestamp, audit::Event, keys};
use chrono::{DateTime, Utc};
use garde::Validate;
use hmac::{Hmac, KeyInit as _, Mac as _};
use poem::Request;
use poem_openapi::{Object, OpenApi, param::Path};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::{
    app::App,
    archives,
    backups::{
        self,
        download::{self, Download},
    },
    caller::{self, Account, Caller, Credential, Origin},
    json::{Created, Json},
    problem::Problem,
};

const KEY: &str = "download-links";
/// Nothing else that is signed under this key can be taken for a link.
const PURPOSE: &[u8] = b"chiliview download link\0";

/// The resource.
pub struct Links {
    app: App,
}

/// A link to download something.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct DownloadLink {
    /// Where to download it, below the address of the service. Whoever has it may download: treat it like a password.
    pub url: String,
    /// Until when a download may begin; one that runs then goes on.
    pub expires_at: DateTime<Utc>,
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ticket {
    opens: Opens,
    account: Account,
    credentials: i64,
    credential: Credential,
    until: i64,
}

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Opens {
    Backup(BackupId),
    Archive(Vec<BackupId>),
}

/// Which backups a link opens.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct ArchiveRequest {
    /// Their ids.
    #[garde(length(min = 1, max = archives::MOST))]
    pub(super) backups: Vec<Uuid>,
}

#[OpenApi]
impl Links {
    /// Get a link to download a verified backup
    ///
    /// It opens this backup, by `GET` or `HEAD` and without a log-in, until `expires_at`. A download that broke is resumed
    /// with a new link: `ETag` and content are the same.
    #[oai(path = "/backups/:backup/download-link", method = "post", operation_id = "create_download_link")]
    async fn create(&self, caller: Caller, backup: Path<Uuid>) -> Result<Created<DownloadLink>, Problem> {
        let app = &self.app;
        let row = backups::find(app, &caller, backup.0).await?;
        download::may_download(&caller, &row)?;
        backups::verified(&row)?;
        self.issue(&caller, &[row.id], Opens::Backup(row.id)).await
    }

    /// Get a link to download several verified backups as one tar
    ///
    /// As a link to one. Each of them must be one that the caller may download.
    #[oai(path = "/backup-archive/download-link", method = "post", operation_id = "create_archive_link")]
    async fn create_archive(
        &self,
        caller: Caller,
        input: Json<ArchiveRequest>,
    ) -> Result<Created<DownloadLink>, Problem> {
        caller.require_manager_read()?;
        let ids: Vec<BackupId> = input.backups.iter().copied().map(Into::into).collect();
        let chosen: Vec<_> = archives::chosen(&self.app, &caller, &ids).await?.iter().map(|row| row.id).collect();
        self.issue(&caller, &chosen, Opens::Archive(chosen.clone())).await
    }

    /// Download by a link
    ///
    /// As `GET /backups/{id}/content`, without a log-in. A link that is over is answered with 410.
    #[oai(path = "/downloads/:token", method = "get", operation_id = "download_by_link")]
    async fn download(&self, request: &Request, token: Path<String>) -> Result<Download, Problem> {
        let app = &self.app;
        let ticket = self.read(&token.0).await?.ok_or_else(Problem::link_expired)?;
        let identity = caller::identity_of(app, ticket.account, ticket.credentials).await?;
        let identity = identity.ok_or_else(Problem::link_expired)?;
        let (credential, credential_version) = (ticket.credential, ticket.credentials);
        let caller = Caller { credential, identity, credential_version, origin: Origin::of(request) };
        match ticket.opens {
            Opens::Archive(ids) => {
                archives::chosen(app, &caller, &ids).await.map_err(over)?;
                archives::serve(app, &caller, request, &ids).await
            }
            Opens::Backup(id) => {
                let row = backups::find(app, &caller, id.uuid()).await.map_err(over)?;
                if row.deleted_at.is_some() {
                    return Err(Problem::link_expired());
                }
                download::may_download(&caller, &row).map_err(over)?;
                download::serve(app, &caller, request, &row).await
            }
        }
    }
}

impl Links {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn issue(&self, caller: &Caller, named: &[BackupId], opens: Opens) -> Result<Created<DownloadLink>, Problem> {
        let app = &self.app;
        let now = app.now();
        let until = now.plus(app.policy().link);
        let fresh: [u8; 32] = rand::random();
        let key = app
            .central()
            .write(async |tx| {
                for id in named {
                    let changes = serde_json::json!({ "expires_at": [null, until.to_datetime()] });
                    app.audit(tx, caller, Event::done("backup.link", "backup", id).changing(changes)).await?;
                }
                Ok::<_, Problem>(keys::find_or_insert(tx, KEY, &fresh, now).await?)
            })
            .await?;
        let ticket = Ticket {
            opens,
            account: caller.account(),
            credentials: caller.credential_version,
            credential: caller.credential.clone(),
            until: until.micros(),
        };
        let url = format!("/api/downloads/{}", sign(&key, &ticket)?);
        let body = DownloadLink { url: url.clone(), expires_at: until.to_datetime() };
        Ok(Created { location: url, etag: None, body })
    }

    /// What a link says, if the platform has signed it and it is not over.
    async fn read(&self, token: &str) -> Result<Option<Ticket>, Problem> {
        let now = self.app.now();
        let key = self.app.central().read(async |tx| keys::find(tx, KEY).await).await?;
        Ok(key.and_then(|key| verify(&key, token)).filter(|ticket| Timestamp::from_micros(ticket.until) > now))
    }
}

/// Whoever may not any more learns that the link is over, and nothing about what it was for.
fn over(problem: Problem) -> Problem {
    if problem.is_refusal() { Problem::link_expired() } else { problem }
}

fn mac(key: &[u8], payload: &[u8]) -> Result<Hmac<Sha256>, Problem> {
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(Problem::internal)?;
    Ok(mac.chain_update(PURPOSE).chain_update(payload))
}

fn sign(key: &[u8], ticket: &Ticket) -> Result<String, Problem> {
    let payload = serde_json::to_vec(ticket).map_err(Problem::internal)?;
    let tag = mac(key, &payload)?.finalize().into_bytes();
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(tag)))
}

/// Compares in constant time, and reads nothing that is not signed.
fn verify(key: &[u8], token: &str) -> Option<Ticket> {
    let (payload, tag) = token.split_once('.')?;
    let (payload, tag) = (URL_SAFE_NO_PAD.decode(payload).ok()?, URL_SAFE_NO_PAD.decode(tag).ok()?);
    mac(key, &payload).ok()?.verify_slice(&tag).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use chiliview_store::Ids;
    use proptest::prelude::*;

    use super::*;

    fn ticket() -> Ticket {
        let account = Account::User(Ids.next(), Ids.next());
        Ticket {
            opens: Opens::Backup(Ids.next()),
            account,
            credentials: 3,
            credential: Credential::Session(Ids.next()),
            until: 7,
        }
    }

    #[test]
    fn a_link_reads_back_under_its_key_alone() {
        let ticket = ticket();
        let token = sign(b"key", &ticket).unwrap();
        assert_eq!(verify(b"key", &token), Some(ticket));
        assert_eq!(verify(b"another", &token), None);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
    }

    proptest! {
        #[test]
        fn one_changed_character_makes_it_no_link(at in 0_usize..1000, with in "[A-Za-z0-9_.-]") {
            let token = sign(b"key", &ticket()).unwrap();
            let at = at % token.len();
            let mut changed = token.clone();
            changed.replace_range(at..=at, &with);
            prop_assert!(changed == token || verify(b"key", &changed).is_none());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            prop_assert_eq!(verify(b"key", &text), None);
        }
    }
}
