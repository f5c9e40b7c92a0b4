/**
 * What the doctor says, in German, by its stable code. A code without words here does not compile, and `npm run check` fails when
 * words ask for a parameter that the code does not have. What a system said (`error`, `complaint`) stays as it is.
 */
import type { DoctorCode, DoctorParam } from '$lib/api';
import { format, plural } from '$lib/i18n';
import { isState, stateOf } from '$lib/ui';

type Param = DoctorParam | undefined;
export type Words = string | ((params: Record<string, DoctorParam>) => string);

const time = (at: Param): string => format.absolute(Date.parse(String(at)));
const number = (value: Param): string => format.number(Number(value));
const some = (count: Param, one: string, other: string): string => plural(Number(count), { one, other });
const state = (word: Param): string => {
  const name = String(word);
  return isState(name) ? `„${stateOf(name).word}“` : name;
};

const BY_HAND = 'Halten Sie den Dienst an, legen Sie die Datei samt -wal und -shm beiseite und führen Sie';
const STEPS = 'Jeder Schritt steht in docs/OPERATIONS.md.';

export const GERMAN: Record<DoctorCode, Words> = {
  // What was looked at.
  admins: 'Admins',
  tenants: 'Reseller',
  queue: 'Warteschlange',
  backups: 'Sicherungen',
  fleet: 'alle Reseller',
  backup_of_tenant: ({ backup, tenant }) => `${backup} von ${tenant}`,
  backup_of_central: ({ backup }) => `${backup} der zentralen Datenbank`,
  unknown_tenant: ({ database }) => `unbekannt (${database})`,
  tenant_schema: ({ tenant, schema }) => `${tenant} (Schema ${schema})`,
  own_directory: 'ein Reseller, ein Benutzer und eine Sitzung in einem eigenen Verzeichnis',
  central_transaction: 'eine Transaktion in der zentralen Datenbank',

  // What was found, anywhere.
  failed: ({ error }) => `Das ist fehlgeschlagen: ${error}`,
  unreadable: ({ error }) => `Nicht lesbar: ${error}`,
  all_unreadable: ({ error }) => `Nicht lesbar: ${error}`,
  missing: 'Es fehlt.',

  // In the central database and in the resellers'.
  sqlite_version: ({ version }) => `Version ${version}.`,
  sqlite_unsafe: ({ error }) => `Diese SQLite-Version kann Gespeichertes verlieren: ${error}`,
  wal: ({ mib }) => `${number(mib)} MiB an Änderungen warten darauf, in die Datei übernommen zu werden.`,
  unencrypted: 'Was dorthin gesendet wird, muss nicht verschlüsselt sein.',
  clock_ahead: ({ seconds }) =>
    `Die Uhr dieses Rechners geht gegenüber der des Servers ${number(seconds)} s vor.`,
  clock_behind: ({ seconds }) =>
    `Die Uhr dieses Rechners geht gegenüber der des Servers ${number(seconds)} s nach.`,
  unreachable: ({ error }) => `Nicht erreichbar: ${error}`,
  no_owner: 'Niemand mit der Rolle Inhaber kann sich anmelden.',
  owners: ({ count }) =>
    some(count, '# Inhaber kann sich anmelden.', '# mit der Rolle Inhaber können sich anmelden.'),
  whole: ({ version, entries }) =>
    `Unversehrt, Schema ${version}, ${some(entries, '# Zeile', '# Zeilen')} des Audit-Protokolls in einer Kette.`,
  database_of_another: ({ tenant }) =>
    `An ihrer Stelle liegt eine andere Datenbank: die des Resellers ${tenant}.`,
  database_of_nobody: 'An ihrer Stelle liegt eine andere Datenbank, die niemandem gehört.',
  damaged: ({ complaint }) => `Beschädigt: ${complaint}`,
  index_differs: ({ complaint }) => `Ein Index weicht von seiner Tabelle ab: ${complaint}`,
  dangling: ({ rows }) => `Zeilen verweisen ins Leere: ${rows}`,
  audit_broken: ({ line }) => `Zeile ${line} wurde geändert, oder eine vor ihr fehlt.`,
  migrations_behind: ({ count }) =>
    some(count, '# Migration ist noch nicht gelaufen.', '# Migrationen sind noch nicht gelaufen.'),
  no_migrations: 'Das ist keine Datenbank von ChiliView: Nie lief in ihr eine Migration.',
  migration_unfinished: ({ version }) => `Migration ${version} wurde begonnen und nicht beendet.`,
  migration_newer: ({ version }) => `Migration ${version} gehört zu einer neueren Version von ChiliView.`,
  migration_other: ({ version }) => `Migration ${version} ist nicht die, die diese Version kennt.`,
  open_database: ({ mode }) => `Andere dürfen die Datenbank benutzen (Rechte ${mode}).`,

  // On the disk.
  all_directories: ({ count }) => `Alle ${number(count)} sind vorhanden, Rechte 0700.`,
  no_directory: 'Das ist kein Verzeichnis.',
  open_directory: ({ mode }) => `Andere dürfen es betreten (Rechte ${mode}).`,
  hidden: ({ error }) => `Nicht zugänglich: ${error}`,
  local_file_system: 'Kein Netzwerk-Dateisystem.',
  network_file_system: ({ error }) => `Auf diesem Dateisystem sind SQLite-Datenbanken nicht sicher: ${error}`,
  network_file_system_allowed: ({ error }) => `Von den Einstellungen erlaubt, auf eigene Gefahr: ${error}`,
  room_unknown: ({ error }) => `Wie viel Platz frei ist, lässt sich nicht feststellen: ${error}`,
  room: ({ free, needed }) => `${number(free)} MiB frei, ${number(needed)} MiB sollten es sein.`,

  // Of the resellers.
  database_missing: 'Die Datenbank fehlt.',
  purged: 'Die Zeit im Papierkorb ist um, und die Datenbank ist schon entfernt.',
  only_tenants: ({ count }) => `${number(count)} Reseller und sonst nichts.`,
  only_schemas: ({ count }) => `Die Schemata von ${number(count)} Resellern und sonst nichts.`,
  schemas_unreadable: ({ error }) => `Die Schemata lassen sich nicht auflisten: ${error}`,
  stranger: 'Das hat nicht ChiliView dort abgelegt.',
  orphan_database:
    'Die Datenbank eines Resellers, den es nicht gibt: Seine Anlage brach ab, oder sein Eintrag ging verloren.',
  orphan_schema:
    'Das Schema eines Resellers, den es nicht gibt: Seine Anlage brach ab, oder sein Eintrag ging verloren.',
  left_by_change: 'Der Überrest einer abgebrochenen Änderung: Kein Reseller benutzt ihn.',
  left_by_restore: 'Der Überrest einer beendeten Wiederherstellung: Niemand kommt darauf zurück.',
  left_by_move: 'Der Überrest eines abgebrochenen Umzugs; dasselbe „chiliview move“ legt es neu an.',
  locked: ({ since }) => `Nimmt seit ${time(since)} keine Änderungen an: Eine Wiederherstellung läuft.`,
  locked_for_nothing: ({ since }) =>
    `Nimmt seit ${time(since)} keine Änderungen an, für eine Wiederherstellung, die beendet ist.`,

  // Of jobs and backups.
  stuck: ({ count }) =>
    some(
      count,
      '# wartet oder hängt; kein Worker bringt ihn voran.',
      '# warten oder hängen; kein Worker bringt sie voran.',
    ),
  no_worker: ({ waiting }) => `${number(waiting)} nicht fertig, und kein Worker läuft.`,
  moving: ({ waiting, workers }) => `${number(waiting)} unterwegs, nichts hängt, ${number(workers)} Worker.`,
  backup_without_job: ({ tenant, status }) =>
    `Eine Sicherung von ${tenant} steht auf ${state(status)}, und es gibt keinen Auftrag mehr, der sie beenden würde.`,
  central_backup_without_job: ({ status }) =>
    `Eine Sicherung der zentralen Datenbank steht auf ${state(status)}, und es gibt keinen Auftrag mehr, der sie beenden würde.`,
  backup_abandoned: ({ tenant, status, since }) =>
    `Eine Sicherung von ${tenant} steht seit ${time(since)} auf ${state(status)}, und kein Worker nimmt sich ihrer an.`,
  central_backup_abandoned: ({ status, since }) =>
    `Eine Sicherung der zentralen Datenbank steht seit ${time(since)} auf ${state(status)}, und kein Worker nimmt sich ihrer an.`,
  fleet_unreadable: ({ error }) => `Wie sie umgestellt wurden, ist nicht lesbar: ${error}`,
  fleet_unseen: 'Noch kein Worker hat nachgesehen.',
  fleet_migrated: ({ version, done, total, status }) =>
    `Schema ${version}: ${number(done)} von ${number(total)} Resellern, ${state(status)}.`,
  left_behind: ({ version, error }) => `Blieb bei Schema ${version} zurück: ${error}`,

  // In the place of the backups.
  backups_unreadable: ({ error }) => `Die Liste der Sicherungen ist nicht lesbar: ${error}`,
  shelf_unreachable: ({ error }) => `Der Ort der Sicherungen ist nicht erreichbar (${error}).`,
  another_shelf: ({ wanted, found }) =>
    `Das ist nicht der Ort, an dem die Sicherungen liegen und der die Kennung ${wanted} hat: Hier ist ${found}. Nichts wird dort geschrieben.`,
  unnamed_shelf: ({ wanted }) =>
    `Das ist nicht der Ort, an dem die Sicherungen liegen und der die Kennung ${wanted} hat: Hier ist keine. Nichts wird dort geschrieben.`,
  partials: ({ count }) =>
    some(
      count,
      '# halb geschriebener Snapshot eines abgebrochenen Prozesses.',
      '# halb geschriebene Snapshots abgebrochener Prozesse.',
    ),
  strangers: ({ count, first }) =>
    `${some(count, '# Sache, die nicht ChiliView dort abgelegt hat', '# Dinge, die nicht ChiliView dort abgelegt hat')}, etwa ${first}.`,
  unlisted: ({ count, first }) =>
    `${some(count, '# Snapshot, der zu keiner Sicherung gehört', '# Snapshots, die zu keiner Sicherung gehören')}, etwa ${first}.`,
  on_older_shelf: ({ count }) =>
    some(
      count,
      '# geprüfte Sicherung ist älter als dieser Ort und liegt nicht hier.',
      '# geprüfte Sicherungen sind älter als dieser Ort und liegen nicht hier.',
    ),
  all_snapshots: ({ count }) =>
    some(
      count,
      '# geprüfte Sicherung mit ihrem Snapshot.',
      '# geprüfte Sicherungen, jede mit ihrem Snapshot.',
    ),
  snapshot_missing: ({ snapshot }) =>
    `Sie gilt als geprüft, und ihr Snapshot ${snapshot} fehlt am Ort der Sicherungen.`,
  snapshot_unreadable: ({ snapshot, error }) => `Ihr Snapshot ${snapshot} lässt sich nicht ansehen: ${error}`,
  snapshot_resized: ({ snapshot, found, proven }) =>
    `Ihr Snapshot ${snapshot} hat ${number(found)} Byte und hatte bei der Prüfung ${number(proven)}.`,
  manifest_missing: ({ snapshot }) =>
    `Das Manifest ihres Snapshots ${snapshot} fehlt am Ort der Sicherungen.`,

  // By trying it out.
  stored: 'Gespeichert, über eine neue Verbindung gefunden, zurückgenommen, gelöscht.',
  rolled_back: 'Was zurückgenommen wurde, ist fort.',
  not_stored: 'Was gespeichert wurde, war über eine neue Verbindung nicht da.',
  not_inserted: 'Eine Zeile war in der Transaktion nicht da, die sie gespeichert hat.',
  not_rolled_back: 'Was zurückgenommen wurde, ist noch da.',
  not_deleted: 'Was gelöscht wurde, ist noch da.',

  // What a repair did, or why it did not.
  made_empty: 'Es wurde leer angelegt.',
  made_database: ({ path }) => `${path} wurde leer angelegt.`,
  made_owner: ({ username }) =>
    `Der Inhaber „${username}“ wurde mit einem zufälligen Passwort angelegt, das einmal gezeigt wird.`,
  set_mode: ({ mode }) => `Die Rechte sind jetzt ${mode}.`,
  moved_aside: ({ to }) => `Es liegt jetzt in ${to}; entfernen Sie es dort, wenn niemand es vermisst.`,
  renamed_aside: ({ to }) => `Es heißt jetzt ${to}; entfernen Sie es, wenn niemand es vermisst.`,
  made_indexes: ({ copy }) =>
    `Nach ${copy} kopiert; die Indizes wurden neu angelegt, und die Datenbank ist unversehrt.`,
  ran_migrations: 'Sie sind jetzt gelaufen.',
  ran_migrations_after_copy: ({ copy }) => `Nach ${copy} kopiert; sie sind jetzt gelaufen.`,
  marked_failed: 'Sie gilt jetzt als fehlgeschlagen.',
  ended_meanwhile: 'Sie wurde inzwischen beendet.',
  unlocked: 'Die Sperre wurde aufgehoben.',
  swept: ({ files, bytes }) =>
    `${some(files, '# Datei', '# Dateien')} mit ${number(bytes)} Byte entfernt: Nichts darin war zu gebrauchen.`,
  named_shelf: 'Hier liegen Snapshots dieser Sicherungen; der Ort hat die Kennung bekommen.',
  adopted_shelf: 'Hier liegen Snapshots dieser Sicherungen; dies ist von nun an ihr Ort.',
  in_use: 'Nicht behoben, weil ein anderer Prozess im Datenverzeichnis arbeitet.',
  only_copied: ({ copy }) =>
    `Nach ${copy} kopiert und gelassen, wie es ist: Nur eine Sicherung kann es ersetzen.`,
  indexes_still_differ: ({ complaint }) =>
    `Die Indizes wurden neu angelegt, und dennoch bleibt: ${complaint}`,
  needs_terminal:
    'Führen Sie „chiliview doctor --repair“ in einem Terminal aus, das das neue Passwort zeigt.',
  repair_refused: ({ error }) => `Die Reparatur war nicht möglich: ${error}`,
  repair_failed: ({ error }) => `Die Reparatur ist fehlgeschlagen: ${error}`,

  // What to do.
  run_repair: 'Führen Sie „chiliview doctor --repair“ aus.',
  stop_and_repair:
    'Halten Sie den Dienst und seine Worker an und führen Sie dann noch einmal „chiliview doctor --repair“ aus.',
  use_own_sqlite: 'Installieren Sie ein ChiliView, das mit eigenem SQLite gebaut ist.',
  restart_service: 'Etwas liest sehr lange; starten Sie den Dienst neu.',
  check_postgres: 'Sehen Sie nach, ob PostgreSQL läuft und CHILIVIEW_DATABASE_URL stimmt.',
  require_tls:
    'Ergänzen Sie in CHILIVIEW_DATABASE_URL sslmode=verify-full (und sslrootcert bei einem eigenen Zertifikat).',
  set_clocks: 'Stellen Sie die Uhren aller Rechner mit NTP: Sie dürfen um eine Sekunde abweichen.',
  grant_looking: 'Sehen Sie nach, ob die Rolle von ChiliView in ihre Datenbank sehen darf.',
  make_admin: 'Legen Sie einen an: „chiliview admin create NAME“.',
  look_at_central: 'Sehen Sie nach der zentralen Datenbank.',
  see_central_line: 'Siehe die Zeile der zentralen Datenbank.',
  compare_with_backup: 'Vergleichen Sie mit einer Sicherung: Jemand hat an ChiliView vorbei geschrieben.',
  distrust: 'Vertrauen Sie dieser Installation keine Daten an, bevor die Ursache gefunden ist.',
  try_restore_central: 'Halten Sie den Dienst an und führen Sie „chiliview restore --central --dry-run“ aus.',
  restore_central: 'Halten Sie den Dienst an und führen Sie „chiliview restore --central“ aus.',
  restore_backup: ({ backup }) =>
    `Stellen Sie die Sicherung ${backup} in der Konsole wieder her oder mit „POST /api/backups/${backup}/restore“ und „without_safety_backup“, während alle anderen weiterarbeiten.`,
  unpack_verified: ({ command, taken }) =>
    `${BY_HAND} „${command}“ aus: Das ist die neueste geprüfte Sicherung, vom ${time(taken)}. ${STEPS}`,
  unpack_newest: ({ command }) =>
    `${BY_HAND} „${command}“ aus: Das ist der neueste Snapshot am Ort der Sicherungen. ${STEPS}`,
  unpack_from_bucket: ({ command }) =>
    `${BY_HAND} „${command}“ aus: Die Namen beginnen mit ihrer Zeit. ${STEPS}`,
  no_snapshot: 'Am Ort der Sicherungen gibt es keinen Snapshot davon.',
  no_verified_backup: 'Es gibt keine geprüfte Sicherung davon.',
  restore_and_retry:
    'Beheben Sie den Fehler der Datenbank, oder stellen Sie sie wieder her; „POST /api/fleet-migrations“ versucht es dann noch einmal.',
  replace_by_directory: 'Legen Sie es beiseite; ChiliView braucht ein Verzeichnis dieses Namens.',
  make_directory: 'Legen Sie es mit den Rechten 0700 an.',
  change_mode: ({ mode, path }) => `Führen Sie „chmod ${mode} ${path}“ aus.`,
  run_as_user: 'Lassen Sie die Diagnose als der Benutzer von ChiliView laufen.',
  move: 'Verlegen Sie es.',
  move_to_local_disk: 'Verlegen Sie das Datenverzeichnis auf eine lokale Platte.',
  make_room: 'Schaffen Sie Platz, oder verlegen Sie das Verzeichnis auf eine größere Platte.',
  move_out: 'Verlegen Sie es aus dem Verzeichnis.',
  look_and_move_out: 'Sehen Sie nach, was es ist, und verlegen Sie es aus dem Verzeichnis.',
  look_and_drop: 'Sehen Sie nach, was darin ist, und entfernen Sie es, wenn niemand es vermisst.',
  start_and_see_log:
    'Starten Sie den Dienst oder „chiliview worker“, und sehen Sie in dessen Protokoll nach.',
  start: 'Starten Sie den Dienst oder „chiliview worker“: Er macht damit weiter.',
  cancel_backup: 'Brechen Sie sie ab, und fordern Sie eine neue an.',
  look_at_restore: 'Sehen Sie sich die Wiederherstellung an, und starten Sie die Diagnose dann noch einmal.',
  check_shelf:
    'Sehen Sie nach, ob der Ort der Sicherungen da ist und ChiliView dort lesen darf; verloren ist dadurch nichts.',
  mount_shelf: ({ wanted }) =>
    `Hängen Sie den Datenträger ein, oder bringen Sie den Ort mit seiner „.shelf“ zurück; um hier mit Absicht leer zu beginnen, schreiben Sie {"id": "${wanted}"} in seine „.shelf“.`,
  remove_partials: 'Entfernen Sie sie: Dateien aus .staging, halbe Uploads aus dem Bucket.',
  move_elsewhere: 'Verlegen Sie sie anderswohin.',
  replace_backup: 'Verlassen Sie sich nicht darauf: Löschen Sie sie, und fordern Sie eine neue an.',
  name_old_shelf:
    'Sie liegen an dem Ort, der vorher eingestellt war: Stellen Sie ihn wieder ein, oder kopieren Sie seine Dateien hierher.',
  import: 'Importieren Sie sie, oder verlegen Sie sie anderswohin.',
};
