import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';

/** Registers what workflows are listed by; a workflow with an unknown one would be retried for ever. Again is fine. */
export async function registerSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const searchAttributes = Object.fromEntries(
    Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type)]),
  );
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}
