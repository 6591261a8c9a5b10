/** The slot of a Redis Cluster that a key is in: the CRC-16/XMODEM of the key, or of what its first braces hold. */
export function slotOf(key: string): number {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key
  return Buffer.from(tag).reduce(crc16, 0) % 16_384
}

function crc16(crc: number, byte: number): number {
  let next = crc ^ (byte << 8)
  for (let bit = 0; bit < 8; bit++) next = next & 0x8000 ? (next << 1) ^ 0x1021 : next << 1
  return next & 0xffff
}
