//! Certificates over HTTP: what was backed up and how it was proven, signed by the platform, for whoever keeps a snapshot
//! elsewhere. `chiliview verify` checks one against its file, offline.

use chiliview_snapshot::{
    Depth, Manifest,
    certificate::{self, PublicKey, SigningKey, Statement},
};
use chiliview_store::{
    audit::Event,
    backups::{Backup, BackupStatus, ProofDepth},
    keys,
};
use chrono::{DateTime, Utc};
use http::header;
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::Path,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{app::App, attachment::disposition, backups, caller::Caller, json::Json, problem::Problem};

/// The name of the signing key in the central database, whose snapshots carry it on.
const KEY: &str = "certificates";
/// RFC 7515, section 9.2.2.
const JOSE_JSON: &str = "application/jose+json";

/// The resource.
pub struct Certificates {
    app: App,
}

/// A certificate to save, byte for byte.
pub struct CertificateFile {
    text: String,
    name: String,
}

/// The key that certificates are checked with.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct CertificateKey {
    /// Its RFC 7638 thumbprint: the `kid` in each certificate.
    pub kid: String,
    /// The Ed25519 public key, as `chiliview verify --key` and others read it.
    pub pem: String,
}

#[OpenApi]
impl Certificates {
    /// Get the certificate of a verified backup
    ///
    /// A JWS (RFC 7515, Ed25519) that says what was backed up, when, its hashes, the rows of each table, and how it was last
    /// proven. Save it as it is, and check it by `chiliview verify FILE CERTIFICATE --key PEM`.
    #[oai(path = "/backups/:backup/certificate", method = "get", operation_id = "get_backup_certificate")]
    async fn get(&self, caller: Caller, backup: Path<Uuid>) -> Result<CertificateFile, Problem> {
        let row = backups::find(&self.app, &caller, backup.0).await?;
        let text = issue(&self.app, &row, None).await?;
        let event = Event::done("backup.certificate", "backup", row.id);
        self.app.central().write(async |tx| self.app.audit(tx, &caller, event).await).await?;
        Ok(CertificateFile { text, name: format!("{}.certificate.json", row.id) })
    }

    /// Get the key that certificates are checked with
    #[oai(path = "/certificate-key", method = "get", operation_id = "get_certificate_key")]
    async fn key_of_the_platform(&self, caller: Caller) -> Result<Json<CertificateKey>, Problem> {
        caller.require_manager_read()?;
        let key = signing_key(&self.app).await?.public();
        let pem = key.to_pem().map_err(Problem::internal)?;
        Ok(Json(CertificateKey { kid: key.thumbprint(), pem }))
    }
}

impl Certificates {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

/// A verified backup's certificate, issued at `at`, or now.
pub(crate) async fn issue(app: &App, row: &Backup, at: Option<DateTime<Utc>>) -> Result<String, Problem> {
    let manifest = backups::verified(row)?;
    if row.status == BackupStatus::Damaged {
        return Err(Problem::conflict("damaged", "the backup is damaged: nothing good can be said of it"));
    }
    let manifest = Manifest::from_json(manifest.as_bytes()).map_err(Problem::internal)?;
    let key = signing_key(app).await?;
    let statement = statement(row, manifest, &key.public(), at.unwrap_or_else(|| app.now().to_datetime()))?;
    certificate::issue(&key, &statement).map_err(Problem::internal)
}

/// Made when it is first needed, once for all processes.
async fn signing_key(app: &App) -> Result<SigningKey, Problem> {
    let central = app.central();
    let seed = match central.read(async |tx| keys::find(tx, KEY).await).await? {
        Some(seed) => seed,
        None => {
            let (fresh, now) = (rand::random::<[u8; 32]>(), app.now());
            central.write(async |tx| keys::find_or_insert(tx, KEY, &fresh, now).await).await?
        }
    };
    let seed = seed.try_into().map_err(|_| Problem::internal("the key of certificates has another length"))?;
    Ok(SigningKey::from_seed(seed))
}

fn statement(row: &Backup, manifest: Manifest, signer: &PublicKey, now: DateTime<Utc>) -> Result<Statement, Problem> {
    let (Some(proof), Some(proven_at)) = (row.proof, row.proven_at) else {
        return Err(Problem::internal("a verified backup without the moment of its proof"));
    };
    let depth = match proof {
        ProofDepth::Quick => Depth::Quick,
        ProofDepth::Full => Depth::Full,
        ProofDepth::Stored => Depth::Stored,
    };
    Ok(Statement {
        format: Statement::FORMAT,
        issuer: format!("chiliview:{}", signer.thumbprint()),
        issued_at: now,
        verified_at: proven_at.to_datetime(),
        depth,
        checks: depth.checks(&manifest),
        manifest,
    })
}

impl IntoResponse for CertificateFile {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(JOSE_JSON)
            .header(header::CONTENT_DISPOSITION, disposition(&self.name))
            .body(self.text)
    }
}

impl ApiResponse for CertificateFile {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType {
            content_type: JOSE_JSON,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("object"))),
        }];
        let description = "The certificate: a flattened JWS, to be kept byte for byte";
        MetaResponses {
            responses: vec![MetaResponse {
                description,
                status: Some(200),
                status_range: None,
                content,
                headers: vec![],
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}
