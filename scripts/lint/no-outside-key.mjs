import ts from 'typescript';

/**
 * A plain object answers to `__proto__`, `constructor` and `toString` though nobody put them there, and setting
 * `__proto__` changes what it is. So a key of type `string`, which may be a name from outside, does not index one:
 * a Map does, or `lookup` and `own` of domain/loose.ts. Keys whose type lists the names are known to be ours.
 *
 * @typedef {{ getTypeAtLocation: (node: object) => ts.Type, program: ts.Program }} Types
 */

const anyText = ts.TypeFlags.String | ts.TypeFlags.TemplateLiteral | ts.TypeFlags.StringMapping | ts.TypeFlags.Any;
const inherited = new Set(Object.getOwnPropertyNames(Object.prototype));
const readers = new Set(['defineProperty', 'deleteProperty', 'get', 'getOwnPropertyDescriptor', 'has', 'set']);

/** @type {import('eslint').Rule.RuleModule} */
export const noOutsideKey = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      outside:
        'This key may be a name from outside, such as `__proto__`: use a Map, or `lookup` and `own` of domain/loose.ts.',
      inherited: 'Every object inherits this name: use a Map, or `lookup` of domain/loose.ts.',
      assign: 'Object.assign sets what it copies, `__proto__` too: spread it into a new object.',
    },
  },
  create(context) {
    const types = /** @type {Types} */ (context.sourceCode.parserServices);
    const checker = types.program.getTypeChecker();

    /** What a type can be, one by one: members of unions, and what type parameters are bounded by. @param {ts.Type} type @returns {ts.Type[]} */
    const parts = (type) => {
      if (type.isUnion()) return type.types.flatMap(parts);
      const bound = type.flags & ts.TypeFlags.Instantiable ? checker.getBaseConstraintOfType(type) : undefined;
      return bound === undefined || bound === type ? [type] : parts(bound);
    };

    /** An assertion says what a name should be, not what it is. @param {any} node @returns {any} */
    const unasserted = (node) =>
      ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression', 'TSTypeAssertion'].includes(node.type)
        ? unasserted(node.expression)
        : node;

    /** @param {any} key */
    const judge = (key) => {
      const all = parts(types.getTypeAtLocation(unasserted(key)));
      if (all.some(({ flags }) => flags & anyText)) context.report({ node: key, messageId: 'outside' });
      else if (all.some((type) => type.isStringLiteral() && inherited.has(type.value)))
        context.report({ node: key, messageId: 'inherited' });
    };

    /** @param {any} node Whether its keys are any text. */
    const isRecord = (node) =>
      parts(types.getTypeAtLocation(node)).some(
        (type) => type.flags & ts.TypeFlags.Any || checker.getIndexInfoOfType(type, ts.IndexKind.String) !== undefined,
      );

    return {
      MemberExpression(node) {
        if (node.computed) judge(node.property);
      },
      'ObjectPattern > Property[computed=true]'(/** @type {any} */ { key }) {
        judge(key);
      },
      "BinaryExpression[operator='in']"(/** @type {any} */ { left }) {
        if (left.type !== 'PrivateIdentifier') judge(left);
      },
      "CallExpression[callee.object.name='Reflect']"(/** @type {any} */ { callee, arguments: [, key] }) {
        if (key !== undefined && readers.has(callee.property.name)) judge(key);
      },
      "CallExpression[callee.object.name='Object'][callee.property.name='assign']"(
        /** @type {any} */ { arguments: [, ...sources] },
      ) {
        for (const source of sources) if (isRecord(source)) context.report({ node: source, messageId: 'assign' });
      },
    };
  },
};
