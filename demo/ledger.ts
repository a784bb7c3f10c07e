/** What the callers themselves count of their requests: what the agent says must come to the same. */

export interface Account {
  readonly client: string;
  readonly server: string;
  requests: number;
  failed: number;
  /** By the caller's clock. */
  readonly durationsMs: number[];
}

export class Ledger {
  readonly accounts = new Map<string, Account>();

  /** Counts what `act` does as one request; it has failed if it throws, or if `failed` says so of its result. */
  async time<T>(
    client: string,
    server: string,
    act: () => Promise<T>,
    failed: (result: T) => boolean = () => false,
  ): Promise<T> {
    const account = this.#account(client, server);
    account.requests++;
    const startMs = performance.now();
    let bad = true;
    try {
      const result = await act();
      bad = failed(result);
      return result;
    } finally {
      account.durationsMs.push(performance.now() - startMs);
      if (bad) account.failed++;
    }
  }

  /** A request that went well, made by a library on its own. */
  count(client: string, server: string): void {
    this.#account(client, server).requests++;
  }

  #account(client: string, server: string): Account {
    const key = `${client} ${server}`;
    let account = this.accounts.get(key);
    if (account === undefined) {
      account = { client, server, requests: 0, failed: 0, durationsMs: [] };
      this.accounts.set(key, account);
    }
    return account;
  }
}
