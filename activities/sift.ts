/** What a probe says against a part: a failure, or undefined where it would pass. */
type Probe<T> = (part: readonly T[]) => Promise<unknown>;

export interface Sifted<T> {
  readonly kept: readonly T[];
  readonly refused: readonly { readonly item: T; readonly failure: unknown }[];
}

/**
 * Takes out of a list what makes `probe` fail, one after the other: the item behind the longest beginning that passes.
 * A list of nothing is known to pass. Where `mayProbe` says no, all that is not known to pass is taken out.
 */
export async function sift<T>(items: readonly T[], probe: Probe<T>, mayProbe: () => boolean): Promise<Sifted<T>> {
  let kept: readonly T[] = [];
  let open = items;
  const refused: { item: T; failure: unknown }[] = [];
  while (open.length > 0) {
    let failure = await probe([...kept, ...open]);
    if (failure === undefined) return { kept: [...kept, ...open], refused };
    let passes = 0;
    let fails = open.length;
    while (fails - passes > 1 && mayProbe()) {
      const middle = Math.floor((passes + fails) / 2);
      const found = await probe([...kept, ...open.slice(0, middle)]);
      if (found === undefined) passes = middle;
      else [fails, failure] = [middle, found];
    }
    const isFound = fails - passes === 1;
    kept = [...kept, ...open.slice(0, passes)];
    refused.push(...open.slice(passes, isFound ? fails : undefined).map((item) => ({ item, failure })));
    open = isFound ? open.slice(fails) : [];
  }
  return { kept, refused };
}
