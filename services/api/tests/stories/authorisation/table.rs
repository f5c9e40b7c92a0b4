//! The table. A new operation gets a row here, and, when it takes a body or a parameter, a line in `cast`.
//!
//! Changes are sent with an `If-Match` that fits nothing, where there is one: 412 is then what a caller gets who may.
//! So are 409s of what the scene does not allow: `undelete` what is not deleted, `cancel` what the caller to the left
//! has cancelled, `run` what he has run at the same instant.

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Anonymous,
    Auditor,
    Operator,
    Owner,
    /// Of the tenant that the request is about.
    Member,
    /// Of the tenant that the request is about.
    Manager,
    /// The manager of another tenant.
    Foreign,
}

pub(super) const ROLES: [Role; 7] =
    [Role::Anonymous, Role::Auditor, Role::Operator, Role::Owner, Role::Member, Role::Manager, Role::Foreign];

#[rustfmt::skip]
pub(super) const TABLE: &[(&str, [u16; 7])] = &[
    // operation             anonymous auditor operator owner member manager foreign
    ("login",                 [200, 200, 200, 200, 200, 200, 200]),
    ("logout",                [401, 204, 204, 204, 204, 204, 204]),
    ("get_session",           [401, 200, 200, 200, 200, 200, 200]),
    ("list_sessions",         [401, 200, 200, 200, 200, 200, 200]),
    ("end_session",           [401, 404, 404, 404, 404, 404, 404]),
    ("change_password",       [401, 403, 403, 403, 403, 403, 403]),
    ("reauthenticate",        [401, 204, 204, 204, 204, 204, 204]),
    ("get_totp",              [401, 200, 200, 200, 404, 404, 404]),
    ("begin_totp",            [401, 200, 200, 200, 404, 404, 404]),
    ("confirm_totp",          [401, 409, 409, 409, 404, 404, 404]),
    ("renew_recovery_codes",  [401, 409, 409, 409, 404, 404, 404]),
    ("remove_totp",           [401, 409, 409, 409, 404, 404, 404]),
    ("reset_admin_totp",      [401, 403, 403, 409, 404, 404, 404]),
    ("list_all_sessions",     [401, 403, 403, 200, 404, 404, 404]),
    ("end_any_session",       [401, 403, 403, 404, 404, 404, 404]),
    ("create_api_key",        [401, 403, 201, 201, 403, 201, 404]),
    ("list_api_keys",         [401, 200, 200, 200, 403, 200, 404]),
    ("get_api_key",           [401, 200, 200, 200, 403, 200, 404]),
    ("delete_api_key",        [401, 403, 204, 404, 403, 404, 404]),
    ("list_settings",         [401, 200, 200, 200, 404, 404, 404]),
    ("get_about",             [401, 200, 200, 200, 404, 404, 404]),
    ("get_health",            [200, 200, 200, 200, 200, 200, 200]),

    ("create_admin",          [401, 403, 403, 201, 404, 404, 404]),
    ("list_admins",           [401, 200, 200, 200, 404, 404, 404]),
    ("get_admin",             [401, 200, 200, 200, 404, 404, 404]),
    ("update_admin",          [401, 403, 403, 412, 404, 404, 404]),
    ("delete_admin",          [401, 403, 403, 412, 404, 404, 404]),
    ("reset_admin_password",  [401, 403, 403, 204, 404, 404, 404]),

    ("create_tenant",         [401, 403, 201, 201, 404, 404, 404]),
    ("list_tenants",          [401, 200, 200, 200, 200, 200, 200]),
    ("export_tenants",        [401, 200, 200, 200, 404, 404, 404]),
    ("get_tenant",            [401, 200, 200, 200, 200, 200, 404]),
    ("get_tenant_usage",      [401, 200, 200, 200, 403, 200, 404]),
    ("update_tenant",         [401, 403, 412, 412, 403, 412, 404]),
    ("delete_tenant",         [401, 403, 412, 412, 404, 404, 404]),
    ("undelete_tenant",       [401, 403, 409, 409, 404, 404, 404]),

    ("create_user",           [401, 403, 201, 201, 403, 201, 404]),
    ("list_users",            [401, 200, 200, 200, 403, 200, 404]),
    ("export_users",          [401, 200, 200, 200, 403, 200, 404]),
    ("import_users",          [401, 403, 200, 200, 403, 200, 404]),
    ("get_user",              [401, 200, 200, 200, 404, 200, 404]),
    ("update_user",           [401, 403, 412, 412, 403, 412, 404]),
    ("delete_user",           [401, 403, 412, 412, 403, 412, 404]),
    ("reset_user_password",   [401, 403, 204, 204, 403, 204, 404]),

    ("list_audit",            [401, 200, 200, 200, 404, 404, 404]),
    ("verify_audit",          [401, 200, 200, 200, 404, 404, 404]),
    ("list_tenant_audit",     [401, 200, 200, 200, 403, 200, 404]),
    ("verify_tenant_audit",   [401, 200, 200, 200, 403, 200, 404]),

    ("create_backup",         [401, 403, 202, 202, 403, 202, 404]),
    ("list_backups",          [401, 200, 200, 200, 403, 200, 404]),
    ("get_backup",            [401, 200, 200, 200, 403, 200, 404]),
    ("get_backup_manifest",   [401, 409, 409, 409, 403, 409, 404]),
    ("prove_backup",          [401, 403, 409, 409, 403, 409, 404]),
    ("get_backup_certificate", [401, 409, 409, 409, 403, 409, 404]),
    ("get_certificate_key",   [401, 200, 200, 200, 403, 200, 200]),
    ("download_backup",       [401, 403, 409, 409, 403, 409, 404]),
    ("create_download_link",  [401, 403, 409, 409, 403, 409, 404]),
    ("download_backup_archive", [401, 403, 409, 409, 403, 409, 404]),
    ("create_archive_link",   [401, 403, 409, 409, 403, 409, 404]),
    ("download_by_link",      [410, 410, 410, 410, 410, 410, 410]),
    ("delete_backup",         [401, 403, 409, 409, 403, 409, 404]),
    ("undelete_backup",       [401, 403, 409, 409, 403, 409, 404]),
    ("cancel_backup",         [401, 403, 202, 409, 403, 409, 404]),

    ("create_upload",         [401, 403, 201, 201, 403, 201, 404]),
    ("get_upload",            [401, 200, 200, 200, 403, 200, 404]),
    ("append_upload",         [401, 403, 409, 409, 403, 409, 404]),
    ("finish_upload",         [401, 403, 409, 409, 403, 409, 404]),
    ("delete_upload",         [401, 403, 204, 404, 403, 404, 404]),
    ("import_backup",         [401, 403, 202, 202, 403, 202, 404]),
    ("pin_backup",            [401, 403, 200, 200, 403, 200, 404]),
    ("unpin_backup",          [401, 403, 200, 200, 403, 200, 404]),

    ("create_schedule",       [401, 403, 201, 201, 403, 201, 404]),
    ("list_schedules",        [401, 200, 200, 200, 403, 200, 404]),
    ("preview_schedule",      [401, 200, 200, 200, 403, 200, 200]),
    ("get_schedule",          [401, 200, 200, 200, 403, 200, 404]),
    ("update_schedule",       [401, 403, 412, 412, 403, 412, 404]),
    ("delete_schedule",       [401, 403, 412, 412, 403, 412, 404]),
    ("pause_schedule",        [401, 403, 200, 200, 403, 200, 404]),
    ("resume_schedule",       [401, 403, 200, 200, 403, 200, 404]),
    ("run_schedule",          [401, 403, 202, 409, 403, 409, 404]),
    ("list_schedule_runs",    [401, 200, 200, 200, 403, 200, 404]),
    ("get_schedule_run",      [401, 404, 404, 404, 403, 404, 404]),

    ("get_tenant_retention",    [401, 200, 200, 200, 403, 200, 404]),
    ("set_tenant_retention",    [401, 403, 412, 412, 404, 404, 404]),
    ("delete_tenant_retention", [401, 403, 412, 412, 404, 404, 404]),
    ("get_backup_recipients",   [401, 200, 200, 200, 403, 200, 404]),
    ("set_backup_recipients",   [401, 403, 412, 412, 404, 404, 404]),
    ("preview_retention",       [401, 200, 200, 200, 403, 200, 404]),

    ("restore_backup",        [401, 403, 409, 409, 403, 409, 404]),
    ("list_restores",         [401, 200, 200, 200, 403, 200, 404]),
    ("get_restore",           [401, 200, 200, 200, 403, 200, 404]),
    ("cancel_restore",        [401, 403, 409, 409, 403, 409, 404]),
    ("undo_restore",          [401, 403, 202, 409, 403, 409, 404]),
    ("create_channel",          [401, 403, 201, 201, 404, 404, 404]),
    ("list_channels",           [401, 200, 200, 200, 404, 404, 404]),
    ("get_channel",             [401, 200, 200, 200, 404, 404, 404]),
    ("update_channel",          [401, 403, 412, 412, 404, 404, 404]),
    ("delete_channel",          [401, 403, 412, 412, 404, 404, 404]),
    ("rotate_channel_secret",   [401, 403, 200, 200, 404, 404, 404]),
    ("test_channel",            [401, 403, 202, 202, 404, 404, 404]),
    ("list_channel_deliveries", [401, 200, 200, 200, 404, 404, 404]),
    ("get_delivery",            [401, 200, 200, 200, 404, 404, 404]),
    ("retry_delivery",          [401, 403, 409, 409, 404, 404, 404]),
    ("list_notices",            [401, 200, 200, 200, 403, 200, 404]),

    ("get_overview",           [401, 200, 200, 200, 403, 200, 200]),
    ("list_covered_databases", [401, 200, 200, 200, 403, 200, 200]),
    ("get_backup_trace",       [401, 200, 200, 200, 403, 200, 404]),
    ("get_restore_trace",      [401, 404, 404, 404, 403, 404, 404]),
    ("get_trace",              [401, 404, 404, 404, 404, 404, 404]),
    ("run_doctor",             [401, 403, 202, 409, 404, 404, 404]),
    ("list_doctor_runs",       [401, 200, 200, 200, 404, 404, 404]),
    ("get_doctor_run",         [401, 404, 404, 404, 404, 404, 404]),
    ("start_fleet_migration", [401, 403, 202, 409, 404, 404, 404]),
    ("list_fleet_migrations", [401, 200, 200, 200, 404, 404, 404]),
    ("get_fleet_migration",   [401, 404, 404, 404, 404, 404, 404]),
    ("list_fleet_failures",   [401, 200, 200, 200, 404, 404, 404]),
    ("list_jobs",             [401, 200, 200, 200, 404, 404, 404]),
    ("follow_events",         [401, 200, 200, 200, 403, 200, 200]),
];
