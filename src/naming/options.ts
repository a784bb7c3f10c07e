/** The `naming` part of the configuration. */
export interface NamingOptions {
  /** A file in the form of /etc/hosts, '' for none. */
  readonly hostsFile: string;
  /** Addresses that neither a rule nor the file names are called as answers of DNS name them (`learnt.ts`). */
  readonly dns: boolean;
  /** Names the addresses of this machine's own interfaces, after the rules; name '' for none. */
  readonly local?: { readonly name: string; readonly namespace: string };
  /** First match wins. One of `cidr`, `ip`, `host` (a name found in hostsFile); `port` narrows it to one server port. */
  readonly services: readonly {
    readonly cidr?: string | undefined;
    readonly ip?: string | undefined;
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly name: string;
    readonly namespace?: string | undefined;
  }[];
}
