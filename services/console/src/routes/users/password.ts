/** 20 characters that nobody confuses, 116 bits. */
export function makePassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  // Bytes past the last whole multiple would make some letters likelier than others.
  const fair = Math.floor(256 / letters.length) * letters.length;
  let made = '';
  while (made.length < 20) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      if (byte < fair && made.length < 20) made += letters[byte % letters.length];
    }
  }
  return made;
}
