/** Numbers and what they count. */

/** A number and what it counts: `1 purchase`, `2 purchases`. */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 || count === 1n ? one : many}`;
}
