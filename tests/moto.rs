//! Another server that speaks S3, written by others in another language, over TLS with an authority of its own and keys that
//! last for a while: what works with the one that the other stories use works with this one.

use std::{fs, process::Command};

use serde_json::json;

use crate::{
    bucket::{backed_up, downloaded, of, restored},
    support::{Home, Process, free_address, missing, python_environment, until},
};

const BUCKET: &str = "snapshots";

#[tokio::test]
async fn a_server_of_another_make_over_tls_keeps_snapshots_too() {
    if missing(&["curl"]) {
        return;
    }
    let Some(programs) = python_environment("moto", "tests/moto/requirements.txt") else { return };
    let home = Home::new();
    let (certificate, key) = (home.path("s3.pem"), home.path("s3.key"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&certificate, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let address = free_address();
    let port = address.rsplit(':').next().unwrap();
    let mut server = Command::new(programs.join("moto_server"));
    server.args(["--host", "127.0.0.1", "--port", port]).arg("--ssl-cert").arg(&certificate).arg("--ssl-key").arg(&key);
    server.stdout(fs::File::create(home.path("moto.log")).unwrap());
    server.stderr(fs::File::create(home.path("moto.errors")).unwrap());
    let _store = Process::start(&mut server);
    let endpoint = format!("https://localhost:{port}");
    let mut make = Command::new("curl");
    make.args(["--silent", "--fail", "--request", "PUT", "--cacert"]).arg(&certificate);
    make.arg(format!("{endpoint}/{BUCKET}"));
    until("the bucket to be made", async || make.output().unwrap().status.success().then_some(())).await;

    let home = home
        .with("CHILIVIEW_SHELF", format!("s3://{BUCKET}/chili/view"))
        .with("CHILIVIEW_S3_ENDPOINT", endpoint)
        .with("CHILIVIEW_S3_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE")
        .with("CHILIVIEW_S3_SECRET_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        .with("CHILIVIEW_S3_SESSION_TOKEN", "a token that ends some time")
        .with("SSL_CERT_FILE", certificate.display().to_string());
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    admin.post("/api/tenants/acme/users", json!({"username": "zoe", "email": "zoe@acme.example"})).await.expect(201);
    let backups = backed_up(&admin).await;
    let acme = of("acme", &backups);
    downloaded(&home, &admin, acme);
    restored(&home, &admin, acme).await;
    admin.delete(&format!("/api/backups/{}", acme["id"].as_str().unwrap())).await.expect(204);
    assert!(server.stop().await.success());
    let (code, report) = home.doctor(&[]);
    assert_eq!(code, 0, "{report:#}");
}
