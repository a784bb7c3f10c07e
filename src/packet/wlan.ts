/** IEEE 802.11 data frames, as a monitoring card hands them over; only those that travel in the clear. */

import { DROP, type Layer, LLC, malformed, short, type Walk } from './walk.ts';

const RADIOTAP_TSFT = 1 << 0;
const RADIOTAP_FLAGS = 1 << 1;
const RADIOTAP_MORE_WORDS = 0x80000000 | 0;
/** Padding to 4 bytes between the 802.11 header and the rest; failed the frame check. */
const FLAG_PADDED = 0x20;
const FLAG_BAD_FRAME_CHECK = 0x40;

// Frame control, first byte (IEEE 802.11-2020 9.2.4.1): version (2 bits), type (2), subtype (4).
const TYPE_MASK = 0x0f;
const TYPE_DATA = 0x08;
const SUBTYPE_NULL = 0x40;
const SUBTYPE_QOS = 0x80;
// Second byte.
const TO_DS = 0x01;
const FROM_DS = 0x02;
const MORE_FRAGMENTS = 0x04;
const PROTECTED = 0x40;
const ORDER = 0x80;
const QOS_AGGREGATE = 0x80;

/** radiotap.org: version (1, 0), padding (1), length of the whole header (2), presence words (4 each while bit 31 is set), fields; little endian. */
export function radiotap(w: Walk): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 8 > w.end) return short(w, 'malformedLink');
  const headerEnd = at + v.getUint16(at + 2, true);
  if (v.getUint8(at) !== 0 || headerEnd < at + 8) return malformed(w, 'malformedLink');
  if (headerEnd > w.end) return short(w, 'malformedLink');
  const present = v.getInt32(at + 4, true);
  let field = at + 8;
  for (let more = present; (more & RADIOTAP_MORE_WORDS) !== 0; field += 4) {
    if (field + 4 > headerEnd) return malformed(w, 'malformedLink');
    more = v.getInt32(field, true);
  }
  let padded = false;
  if ((present & RADIOTAP_FLAGS) !== 0) {
    // The 8-byte timestamp before it is aligned to 8, counted from the header's start.
    if ((present & RADIOTAP_TSFT) !== 0) field = at + ((field - at + 7) & ~7) + 8;
    if (field >= headerEnd) return malformed(w, 'malformedLink');
    const flags = v.getUint8(field);
    if ((flags & FLAG_BAD_FRAME_CHECK) !== 0) return malformed(w, 'malformedLink');
    padded = (flags & FLAG_PADDED) !== 0;
  }
  w.pos = headerEnd;
  return wlan(w, padded);
}

/**
 * Frame control (2), duration (2), three addresses (18), sequence control (2), a fourth address (6) between access points,
 * QoS control (2), HT control (4), then 802.2 (IEEE 802.11-2020 9.3.2.1).
 */
export function wlan(w: Walk, padded: boolean): Layer {
  const at = w.pos;
  const v = w.view;
  if (at + 24 > w.end) {
    // Acknowledgements and the like are shorter.
    if (at < w.end && (v.getUint8(at) & TYPE_MASK) !== TYPE_DATA) return notData(w);
    return short(w, 'malformedLink');
  }
  const control = v.getUint8(at);
  const flags = v.getUint8(at + 1);
  if ((control & TYPE_MASK) !== TYPE_DATA || (control & SUBTYPE_NULL) !== 0) return notData(w);
  if ((flags & PROTECTED) !== 0) {
    w.counters.wlanEncrypted++;
    return DROP;
  }
  let bytes = (flags & (TO_DS | FROM_DS)) === (TO_DS | FROM_DS) ? 30 : 24;
  let partial = (flags & MORE_FRAGMENTS) !== 0 || (v.getUint8(at + 22) & 0x0f) !== 0;
  if ((control & SUBTYPE_QOS) !== 0) {
    if (at + bytes + 2 > w.end) return short(w, 'malformedLink');
    if ((v.getUint8(at + bytes) & QOS_AGGREGATE) !== 0) partial = true;
    bytes += (flags & ORDER) === 0 ? 2 : 6;
  }
  if (partial) {
    w.counters.wlanPartial++;
    return DROP;
  }
  if (padded) bytes = (bytes + 3) & ~3;
  if (at + bytes > w.end) return short(w, 'malformedLink');
  w.pos = at + bytes;
  return LLC;
}

function notData(w: Walk): Layer {
  w.counters.notIp++;
  return DROP;
}
