/** Names of the places where packets are captured, behind the numbers that `Packet.device` has. */

/** Names that are kept, and their length: 4096 * 64 characters are half a megabyte. A capture file may bear any number of them. */
const MAX_NAMES = 4096;
const MAX_NAME = 64;

export class Devices {
  readonly #names: string[] = [''];
  readonly #numbers = new Map<string, number>();
  readonly #nameOfInterface: (index: number) => string;

  /** `nameOfInterface`: of this machine's interface with that index. A file's indexes are those of another machine. */
  constructor(nameOfInterface = (index: number): string => `ifindex ${index}`) {
    this.#nameOfInterface = nameOfInterface;
  }

  /** The number of a device by name; 0 for all interfaces at once, which are none, and for more names than are kept. */
  numberOf(name: string): number {
    if (name === '' || name === 'any') return 0;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#names.length > MAX_NAMES) return 0;
    const number = this.#names.length * 2;
    this.#names.push(name.slice(0, MAX_NAME));
    this.#numbers.set(name, number);
    return number;
  }

  /** '' when it is not known. */
  nameOf(number: number): string {
    return (number & 1) === 1 ? this.#nameOfInterface(number >> 1) : (this.#names[number >> 1] ?? '');
  }
}
