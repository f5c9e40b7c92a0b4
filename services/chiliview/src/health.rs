//! `chiliview health`: asks a running service whether it is ready. Small enough to be a container's health check.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    output,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// 0 when it is ready, 1 when it is not or nobody answers.
pub(crate) async fn run(call: Call) -> Result<Exit, Failure> {
    let url = format!("http://{}/readyz", reachable(&call.settings.listen));
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().map_err(Failure::failed)?;
    let answer = client.get(&url).send().await;
    let status = answer.map(|answer| answer.status());
    let ready = status.as_ref().is_ok_and(reqwest::StatusCode::is_success);
    if call.json {
        let status = status.as_ref().ok().map(reqwest::StatusCode::as_u16);
        output::json(&json!({"ready": ready, "url": url, "http_status": status}))?;
        return Ok(if ready { Exit::Ok } else { Exit::Failed });
    }
    match status {
        Ok(_) if ready => output::line("ready").map(|()| Exit::Ok),
        Ok(status) => Err(Failure::failed(format!("find the service ready: {url} answered {status}"))),
        Err(_) => Err(Failure::failed(format!("reach the service: nobody answers at {url}"))),
    }
}

/// Nobody can connect to "every address": the service is then on this machine too.
fn reachable(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() && address.is_ipv6() => format!("[::1]:{}", address.port()),
        Ok(address) if address.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        _ => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_asked_on_this_machine() {
        assert_eq!(reachable("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(reachable("[::]:8000"), "[::1]:8000");
        assert_eq!(reachable("localhost:1"), "localhost:1");
    }
}
