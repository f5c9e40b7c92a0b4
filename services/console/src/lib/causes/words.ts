import type { Cause } from '$lib/api';
import { messages } from '$lib/i18n';

/** What each cause means, and what to do; one that is missing here does not compile. */
type EachCause = Record<Cause, string>;

const english = {
  what: {
    cancelled: 'It was called off.',
    no_space: 'The disk, or a quota on it, is full.',
    quota: 'The reseller’s quota is used up.',
    shelf: 'The place where backups lie does not answer.',
    another_shelf: 'Another place lies where the backups should be: a volume is probably not mounted.',
    elsewhere: 'The backup lies where backups were kept before.',
    snapshot_missing: 'The backup’s file is not there.',
    damaged: 'The backup’s file is damaged.',
    refused: 'It was not taken.',
    no_key: 'No key at hand opens the backup.',
    recipients: 'The keys that it is to be encrypted for cannot be used.',
    database_unusable: 'The database is missing or damaged.',
    database_busy: 'The database could not be reached, or something else kept it busy.',
    not_saved: 'The present database could not be backed up before it was to be replaced.',
    crashed: 'The worker was ended in the middle, each time.',
    too_long: 'It took longer than it may.',
    other: 'Something unforeseen happened.',
  } satisfies EachCause,
  advice: {
    cancelled: 'Ask again whenever you like.',
    no_space: 'Free some space on the disk, or prune old backups, then try again.',
    quota: 'Delete backups that nobody needs, or raise the quota, then try again.',
    shelf: 'Look whether the place where backups lie can be reached and written to, then try again.',
    another_shelf: 'Mount the volume. The doctor says what else can be done.',
    elsewhere: 'Name that place again in the settings, or copy its files to the present one.',
    snapshot_missing: 'Bring the file back, or delete the backup, and make a new one now.',
    damaged:
      'Do not rely on it: make a new backup now. Prove this one again once the file is back or the disk is repaired.',
    refused: 'The words above say why; change that, then try again.',
    no_key: 'Name a file with the right key in the settings (identities), then try again.',
    recipients: 'Correct the keys, then try again. Nothing was written unencrypted instead.',
    database_unusable: 'Run the doctor: it says what is wrong with the database, and what can be repaired.',
    database_busy: 'Try again in a moment.',
    not_saved: 'Put right what kept it from being saved, or ask for the restore without that backup.',
    crashed: 'Look at the log around these times: memory, or whoever ends the worker. Then try again.',
    too_long: 'Look whether the disk or the network is very slow, then try again.',
    other: 'Try again. If it fails the same way, run the doctor and quote the trace.',
  } satisfies EachCause,
};

export const causeWords = messages(english, {
  what: {
    cancelled: 'Es wurde abgebrochen.',
    no_space: 'Der Datenträger, oder ein Kontingent darauf, ist voll.',
    quota: 'Das Kontingent des Resellers ist erschöpft.',
    shelf: 'Der Ablageort der Sicherungen antwortet nicht.',
    another_shelf:
      'Am Ablageort der Sicherungen liegt ein anderer; vermutlich ist ein Volume nicht eingehängt.',
    elsewhere: 'Die Sicherung liegt am früheren Ablageort.',
    snapshot_missing: 'Die Datei der Sicherung ist nicht da.',
    damaged: 'Die Datei der Sicherung ist beschädigt.',
    refused: 'Es wurde nicht angenommen.',
    no_key: 'Kein vorhandener Schlüssel öffnet die Sicherung.',
    recipients: 'Die Schlüssel, für die verschlüsselt werden soll, sind unbrauchbar.',
    database_unusable: 'Die Datenbank fehlt oder ist beschädigt.',
    database_busy: 'Die Datenbank war nicht erreichbar oder anderweitig beschäftigt.',
    not_saved: 'Die jetzige Datenbank ließ sich nicht sichern, bevor sie ersetzt werden sollte.',
    crashed: 'Der Worker wurde jedes Mal mittendrin beendet.',
    too_long: 'Es hat länger gedauert, als es darf.',
    other: 'Etwas Unvorhergesehenes ist geschehen.',
  },
  advice: {
    cancelled: 'Sie können es jederzeit erneut anstoßen.',
    no_space:
      'Schaffen Sie Platz auf dem Datenträger oder entfernen Sie alte Sicherungen, dann versuchen Sie es erneut.',
    quota:
      'Löschen Sie Sicherungen, die niemand braucht, oder erhöhen Sie das Kontingent, dann versuchen Sie es erneut.',
    shelf:
      'Sehen Sie nach, ob der Ablageort der Sicherungen erreichbar und beschreibbar ist, dann versuchen Sie es erneut.',
    another_shelf: 'Hängen Sie das Volume ein. Der Doktor sagt, was sonst möglich ist.',
    elsewhere:
      'Nennen Sie den früheren Ablageort wieder in den Einstellungen, oder kopieren Sie seine Dateien an den jetzigen.',
    snapshot_missing:
      'Bringen Sie die Datei zurück, oder löschen Sie die Sicherung und sichern Sie jetzt neu.',
    damaged:
      'Verlassen Sie sich nicht auf sie: Sichern Sie jetzt neu. Prüfen Sie diese erneut, sobald die Datei wieder da oder der Datenträger repariert ist.',
    refused: 'Die Worte oben nennen den Grund; beheben Sie ihn, dann versuchen Sie es erneut.',
    no_key:
      'Nennen Sie in den Einstellungen eine Datei mit dem richtigen Schlüssel, dann versuchen Sie es erneut.',
    recipients:
      'Berichtigen Sie die Schlüssel, dann versuchen Sie es erneut. Unverschlüsselt wurde nichts geschrieben.',
    database_unusable:
      'Starten Sie den Doktor: Er sagt, was der Datenbank fehlt und was sich reparieren lässt.',
    database_busy: 'Versuchen Sie es gleich noch einmal.',
    not_saved:
      'Beheben Sie, was die Sicherung verhindert hat, oder verlangen Sie die Wiederherstellung ohne sie.',
    crashed:
      'Sehen Sie im Protokoll um diese Zeit nach: Speicher, oder wer den Worker beendet. Dann versuchen Sie es erneut.',
    too_long: 'Sehen Sie nach, ob Datenträger oder Netz sehr langsam sind, dann versuchen Sie es erneut.',
    other:
      'Versuchen Sie es erneut. Schlägt es wieder fehl, starten Sie den Doktor und nennen Sie den Trace.',
  },
});
