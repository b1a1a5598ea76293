/** Events of a Sentry SDK, each with the name in one place. */
export const sentryEvents = (name: string): Record<string, object> => ({
  level: { level: name },
  platform: { platform: name },
  logger: { logger: name, transaction: name, server_name: name, dist: name },
  release: { release: name },
  environment: { environment: name },
  fingerprint: { fingerprint: [name] },
  'key of a tag': { tags: { [name]: 'v' } },
  'key of a pair': { tags: [[name, 'v'], { key: name, value: 'v' }] },
  'value of a tag': { tags: { plan: name } },
  user: { user: { id: name, [name]: 'v' } },
  extra: { extra: { [name]: { [name]: 'v' } } },
  context: { contexts: { [name]: { [name]: 'v' } } },
  'kind of context': { contexts: { browser: { name, [name]: 'v' }, os: { name }, device: { family: name } } },
  flag: { contexts: { flags: { values: [{ flag: name, result: true }] } } },
  sdk: { sdk: { name, version: name, [name]: 'v' } },
  exception: { exception: { values: [{ type: name, value: name, [name]: 'v' }] } },
  mechanism: { exception: { values: [{ type: 'E', value: 'x', mechanism: { type: name, [name]: 'v' } }] } },
  frame: {
    exception: {
      values: [
        { type: 'E', value: 'x', stacktrace: { frames: [{ filename: name, module: name, vars: { [name]: 'v' } }] } },
      ],
    },
  },
  breadcrumb: { breadcrumbs: [{ type: name, category: name, level: name, message: name, data: { [name]: name } }] },
  breadcrumbs: { breadcrumbs: { values: [{ category: 'ui' }], [name]: 'v' } },
  request: { request: { url: `https://shop.example/${name}`, method: name, data: { [name]: 'v' } } },
  header: { request: { url: 'https://shop.example/', headers: { [name]: 'v' }, cookies: { [name]: 'v' } } },
  'pair of a header': { request: { url: 'https://shop.example/', headers: [[name, 'v']] } },
  logentry: { exception: null, logentry: { formatted: name, [name]: 'v' } },
  field: { [name]: 'v' },
  type: { type: name },
  modules: { modules: { [name]: '1' } },
});

/** Events of PostHog's libraries, each with the name in one place. */
export const postHogEvents = (name: string): Record<string, object> => {
  const thrown = { $exception_list: [{ type: 'Error', value: 'boom' }] };
  const exception = (properties: object) => ({ event: '$exception', properties: { ...thrown, ...properties } });
  return {
    event: { event: name },
    property: { properties: { [name]: 1, nested: { [name]: 'v' } } },
    'value of a property': { properties: { plan: name, $current_url: name, $pathname: name, $screen_name: name } },
    'outer $set': { $set: { [name]: 'v' } },
    '$set of an event': { properties: { $set: { [name]: name } } },
    identify: { event: '$identify', $set: { [name]: 1 }, properties: { $anon_distinct_id: name } },
    alias: { event: '$create_alias', properties: { alias: name } },
    person: { distinct_id: name, properties: { $session_id: name } },
    group: { event: '$groupidentify', properties: { $group_type: name, $group_key: name, $group_set: { [name]: 1 } } },
    'outer field': { [name]: 'v' },
    click: {
      event: '$autocapture',
      properties: { $event_type: 'click', $elements: [{ tag_name: name, attr__id: name, [name]: 'v' }] },
    },
    chain: {
      event: '$autocapture',
      properties: { $event_type: 'click', $elements_chain: `button:attr_id="${name}"text="${name}"` },
    },
    'other click': { event: '$autocapture', properties: { $event_type: name } },
    heatmap: {
      event: '$$heatmap',
      properties: { $heatmap_data: { [name]: [{ x: 1, y: 2, type: 'click' }] }, $viewport_width: 8 },
    },
    'touch of a heatmap': { event: '$$heatmap', properties: { $heatmap_data: { p: [{ x: 1, y: 2, type: name }] } } },
    $exception_level: exception({ $exception_level: name }),
    'thrown type': exception({ $exception_list: [{ type: name, value: name, mechanism: { type: name } }] }),
    feature: exception({ [`$feature/${name}`]: 'on' }),
    step: exception({ $exception_steps: [{ $type: name, $message: name, [name]: 'v' }] }),
    'tag of an exception': exception({ [name]: 'v', $os: name, $browser: name, $lib: name, $release: name }),
    $exception_fingerprint: exception({ $exception_fingerprint: name }),
  };
};
