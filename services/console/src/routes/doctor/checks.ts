/** What the checks of the doctor are called. */
import type { DoctorCheck } from '$lib/api';
import { word, type Word } from '$lib/i18n';

const CHECKS: Record<DoctorCheck, Word> = {
  admin: { en: 'Owners', de: 'Inhaber' },
  audit_chain: { en: 'Audit log', de: 'Audit-Protokoll' },
  backup: { en: 'Backup', de: 'Sicherung' },
  backups: { en: 'Unfinished backups', de: 'Unfertige Sicherungen' },
  central_database: { en: 'Central database', de: 'Zentrale Datenbank' },
  directories: { en: 'Directories', de: 'Verzeichnisse' },
  file_system: { en: 'File system', de: 'Dateisystem' },
  fleet_migration: { en: 'Schema of all resellers', de: 'Schema aller Reseller' },
  free_space: { en: 'Free space', de: 'Freier Platz' },
  jobs: { en: 'Jobs', de: 'Aufträge' },
  migrations: { en: 'Schema', de: 'Schema' },
  mode: { en: 'File permissions', de: 'Dateirechte' },
  orphan: { en: 'Leftovers', de: 'Überreste' },
  self_test: { en: 'Self-test', de: 'Selbsttest' },
  shelf: { en: 'Place of the backups', de: 'Ort der Sicherungen' },
  sqlite_version: { en: 'Version of SQLite', de: 'SQLite-Version' },
  tenant_database: { en: "Reseller's database", de: 'Datenbank eines Resellers' },
  tenants: { en: 'List of resellers', de: 'Liste der Reseller' },
  wal: { en: 'Write-ahead log', de: 'Write-Ahead-Log' },
  write_lock: { en: 'Write lock', de: 'Schreibsperre' },
};

/** One of another version shows as the service names it. */
export function checkName(check: DoctorCheck): string {
  const both: Word | undefined = CHECKS[check];
  return both ? word(both) : check;
}
