/** Capability flags of greeting and login (MySQL Internals, "Capability Flags"). */

export const CLIENT_CONNECT_WITH_DB = 1 << 3;
export const CLIENT_COMPRESS = 1 << 5;
export const CLIENT_PROTOCOL_41 = 1 << 9;
export const CLIENT_SSL = 1 << 11;
export const CLIENT_SECURE_CONNECTION = 1 << 15;
export const CLIENT_PLUGIN_AUTH_LENENC = 1 << 21;
export const CLIENT_DEPRECATE_EOF = 1 << 24;
export const CLIENT_ZSTD = 1 << 26;
export const CLIENT_QUERY_ATTRIBUTES = 1 << 27;

/** Status flags in OK and EOF. */
export const MORE_RESULTS_EXIST = 0x0008;
export const CURSOR_EXISTS = 0x0040;
export const SESSION_STATE_CHANGED = 0x4000;
