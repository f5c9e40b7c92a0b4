-- Where an account logged in lately: from there it may, however many guess at it from elsewhere.
CREATE TABLE login_networks (
    account TEXT COLLATE "C" NOT NULL,
    network TEXT COLLATE "C" NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (account, network)
);

CREATE INDEX login_networks_by_age ON login_networks (seen_at);
