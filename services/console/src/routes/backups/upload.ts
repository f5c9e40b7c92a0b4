/**
 * A file to the service in pieces. After a break the service is asked how far it has come, and the upload goes on there; so a
 * lost network costs the piece that was under way. Where the service cannot take it just now it is asked to wait, and does.
 */
import {
  ApiProblem,
  call,
  client,
  network,
  NoAnswer,
  type BackupInfo,
  type NewUpload,
  type UploadInfo,
} from '$lib/api';

const PIECE = 8 * 1024 * 1024;
/** Breaks in a row without a byte of progress between them. */
const MOST_BREAKS = 20;

export async function upload(
  file: File,
  about: Pick<NewUpload, 'tenant' | 'adopt'>,
  report: (sent: number) => void,
  signal: AbortSignal,
): Promise<BackupInfo> {
  const body = { ...about, bytes: file.size, file_name: file.name };
  const begun = await call(client.POST('/api/uploads', { body, signal }));
  const path = { upload: begun.id };
  try {
    let { offset } = begun;
    let breaks = 0;
    while (offset < file.size) {
      const before = offset;
      offset = await piece(begun, file, offset, signal);
      breaks = offset > before ? 0 : breaks + 1;
      if (breaks >= MOST_BREAKS) throw new NoAnswer('too many breaks');
      report(offset);
    }
    return await call(client.POST('/api/uploads/{upload}/finish', { params: { path }, signal }));
  } catch (failure) {
    // Given up: the service forgets unfinished uploads by itself after a day, should this not arrive.
    if (signal.aborted) void client.DELETE('/api/uploads/{upload}', { params: { path } });
    throw failure;
  }
}

/** Answers where the next piece begins. */
async function piece(begun: UploadInfo, file: File, offset: number, signal: AbortSignal): Promise<number> {
  const path = { upload: begun.id };
  try {
    const sent = await call(
      client.PATCH('/api/uploads/{upload}', {
        params: { path, header: { 'Upload-Offset': offset } },
        headers: { 'content-type': 'application/octet-stream' },
        // The type knows binary data as text.
        body: file.slice(offset, offset + PIECE) as unknown as string,
        bodySerializer: (blob) => blob,
        signal,
      }),
    );
    return sent.offset;
  } catch (failure) {
    if (signal.aborted) throw failure;
    if (failure instanceof NoAnswer) await network.whenReachable();
    else if (failure instanceof ApiProblem && failure.status === 503) await pause(failure, signal);
    else throw failure;
    return (await call(client.GET('/api/uploads/{upload}', { params: { path }, signal }))).offset;
  }
}

function pause({ retryAfter = 5 }: ApiProblem, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, retryAfter * 1000);
    signal.addEventListener('abort', stopped);
    function done(): void {
      signal.removeEventListener('abort', stopped);
      resolve();
    }
    function stopped(): void {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }
  });
}
