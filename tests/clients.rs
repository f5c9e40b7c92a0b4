//! Clients generated from the contract compile, and do the main job against the running service.

use std::process::Command;

use chiliview_client::{Client, types};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::support::{Home, Server, built, missing, project, run};

/// By openapi-python-client: log in, make a tenant, back it up, wait for the proof, download, compare.
#[tokio::test]
async fn the_python_client_does_the_main_job() {
    if missing(&["python3"]) {
        return;
    }
    let home = Home::new();
    drive("python", &home, &home.serve().await);
}

/// By openapi-typescript and openapi-fetch.
#[tokio::test]
async fn the_typescript_client_compiles_and_logs_in() {
    if missing(&["node", "npm"]) {
        return;
    }
    let home = Home::new();
    drive("typescript", &home, &home.serve().await);
}

/// By progenitor.
#[tokio::test]
async fn the_rust_client_logs_in_and_lists_tenants() {
    let home = Home::new();
    let server = home.serve().await;
    let login = types::Login { username: "admin".into(), password: home.password().into(), tenant: None, code: None };
    let anonymous = Client::new(&server.url);
    let session = anonymous.login().body(login).send().await.unwrap().into_inner();

    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {}", session.token)).unwrap());
    let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
    let client = Client::new_with_client(&server.url, http);
    let new = types::NewTenant::builder().slug("mueller").name("Müller & Söhne");
    client.create_tenant().body(new).send().await.unwrap();
    let tenants = client.list_tenants().limit(10).send().await.unwrap().into_inner();
    assert_eq!(tenants.items.len(), 1);
    assert_eq!(tenants.items[0].name, "Müller & Söhne");
}

/// Runs the example beside the client, which generates what it needs first.
fn drive(client: &str, home: &Home, server: &Server) {
    let script = project().join("openapi/clients").join(client).join("run");
    let output = run(Command::new(&script)
        .env("SERVICE_URL", &server.url)
        .env("ADMIN_PASSWORD", home.password())
        .env("GENERATED", built("clients").join(client)));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}
