-- Where an account logged in lately: from there it may, however many guess at it from elsewhere.
CREATE TABLE login_networks (
    account TEXT NOT NULL,
    network TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (account, network)
) STRICT;

CREATE INDEX login_networks_by_age ON login_networks (seen_at);
