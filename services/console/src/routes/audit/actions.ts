/** What the audit log's `noun.verb` and its kinds of objects are called, and where an object is shown. */
import { messages } from '$lib/i18n';

const t = messages(
  {
    nouns: {
      account: 'Account',
      admin: 'Admin',
      api_key: 'API key',
      auth: 'Access',
      backup: 'Backup',
      central: 'Central database',
      channel: 'Channel',
      delivery: 'Delivery',
      doctor: 'Doctor',
      doctor_run: 'Doctor',
      restore: 'Restore',
      schedule: 'Schedule',
      session: 'Session',
      tenant: 'Reseller',
      totp: 'Second factor',
      upload: 'Upload',
      user: 'User',
    },
    verbs: {
      adopt: 'adopted',
      backup_recipients: 'keys of backups changed',
      cancel: 'cancelled',
      certificate: 'certificate issued',
      change_password: 'password changed',
      create: 'created',
      damaged: 'found damaged',
      delete: 'deleted',
      disable: 'disabled',
      done: 'done',
      download: 'downloaded',
      end_session: 'session ended',
      examined: 'round ended',
      expire: 'expired by retention',
      export: 'exported',
      fail: 'failed',
      failed: 'failed',
      forget: 'way back removed',
      import: 'imported',
      link: 'link made',
      login: 'log-in',
      logout: 'log-out',
      not_proven: 'could not be proven',
      pin: 'pinned',
      prove: 'proof asked for',
      proven: 'proven',
      purge: 'removed for good',
      reauthenticate: 'password confirmed',
      reset_password: 'password reset',
      restore: 'restore asked for',
      retention: 'retention changed',
      retry: 'sent again',
      rotate_secret: 'new secret',
      run: 'run',
      run_failed: 'run failed',
      test: 'tried',
      unchanged: 'unchanged',
      undelete: 'taken from the trash',
      undo: 'undo asked for',
      undone: 'undone',
      unpin: 'unpinned',
      update: 'changed',
      verified: 'verified',
    },
  },
  {
    nouns: {
      account: 'Konto',
      admin: 'Admin',
      api_key: 'API-Schlüssel',
      auth: 'Zugang',
      backup: 'Sicherung',
      central: 'Zentrale Datenbank',
      channel: 'Kanal',
      delivery: 'Zustellung',
      doctor: 'Diagnose',
      doctor_run: 'Diagnose',
      restore: 'Wiederherstellung',
      schedule: 'Zeitplan',
      session: 'Sitzung',
      tenant: 'Reseller',
      totp: 'Zweiter Faktor',
      upload: 'Hochladen',
      user: 'Benutzer',
    },
    verbs: {
      adopt: 'übernommen',
      backup_recipients: 'Schlüssel der Sicherungen geändert',
      cancel: 'abgebrochen',
      certificate: 'Zertifikat ausgestellt',
      change_password: 'Passwort geändert',
      create: 'angelegt',
      damaged: 'als beschädigt erkannt',
      delete: 'gelöscht',
      disable: 'deaktiviert',
      done: 'fertig',
      download: 'heruntergeladen',
      end_session: 'Sitzung beendet',
      examined: 'Durchgang beendet',
      expire: 'durch Aufbewahrung abgelaufen',
      export: 'exportiert',
      fail: 'fehlgeschlagen',
      failed: 'fehlgeschlagen',
      forget: 'Rückweg entfernt',
      import: 'importiert',
      link: 'Link erzeugt',
      login: 'Anmeldung',
      logout: 'Abmeldung',
      not_proven: 'nicht prüfbar',
      pin: 'angeheftet',
      prove: 'Prüfung angefordert',
      proven: 'geprüft',
      purge: 'endgültig entfernt',
      reauthenticate: 'Passwort bestätigt',
      reset_password: 'Passwort zurückgesetzt',
      restore: 'Wiederherstellung angefordert',
      retention: 'Aufbewahrung geändert',
      retry: 'erneut gesendet',
      rotate_secret: 'neues Geheimnis',
      run: 'ausgeführt',
      run_failed: 'Lauf fehlgeschlagen',
      test: 'ausprobiert',
      unchanged: 'unverändert',
      undelete: 'aus dem Papierkorb geholt',
      undo: 'Rückgängigmachen angefordert',
      undone: 'rückgängig gemacht',
      unpin: 'losgelöst',
      update: 'geändert',
      verified: 'geprüft',
    },
  },
);

const lookUp = (words: Record<string, string>, key: string): string => words[key] ?? key.replaceAll('_', ' ');

export const kindName = (kind: string): string => lookUp(t.nouns, kind);

/** `backup.pin` is “Backup: pinned”. */
export function actionName(action: string): string {
  const [noun = '', ...verb] = action.split('.');
  return `${kindName(noun)}: ${lookUp(t.verbs, verb.join('.'))}`;
}

/** What the filter offers; the log may hold others too. */
export const ACTIONS = [
  ...['create', 'update', 'delete', 'reset_password'].map((verb) => `admin.${verb}`),
  ...['login', 'logout', 'end_session', 'change_password', 'reauthenticate'].map((verb) => `auth.${verb}`),
  ...['create', 'verified', 'unchanged', 'failed', 'damaged', 'prove', 'proven', 'not_proven'].map(
    (verb) => `backup.${verb}`,
  ),
  ...['download', 'link', 'import', 'pin', 'unpin', 'cancel', 'delete', 'undelete', 'expire', 'purge'].map(
    (verb) => `backup.${verb}`,
  ),
  ...['create', 'update', 'delete', 'rotate_secret', 'test', 'disable'].map((verb) => `channel.${verb}`),
  ...['create', 'done', 'undo', 'undone'].map((verb) => `restore.${verb}`),
  ...['create', 'update', 'delete', 'run', 'run_failed'].map((verb) => `schedule.${verb}`),
  ...['create', 'update', 'delete', 'undelete', 'purge', 'retention'].map((verb) => `tenant.${verb}`),
  ...['create', 'update', 'delete', 'import', 'export', 'reset_password'].map((verb) => `user.${verb}`),
];

/** The screen of an object, where it has one. */
export function objectHref(kind: string, id: string | undefined): string | undefined {
  const places: Record<string, string> = {
    admin: '/admins',
    backup: '/backups',
    channel: '/notifications/channels',
    doctor_run: '/doctor',
    restore: '/restores',
    schedule: '/schedules',
    tenant: '/resellers',
  };
  const place = places[kind];
  return place && id ? `${place}/${id}` : undefined;
}
