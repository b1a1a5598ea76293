export async function verbLatencies(_system: unknown, _n: number): Promise<{ p50: number; p95: number }> {
  return { p50: 0, p95: 0 };
}
