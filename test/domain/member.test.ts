import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  mayGrant,
  maySpeakFor,
  type Permission,
  PERMISSIONS,
  type Rights,
  type Role,
  roleAllows,
  roleIn,
  ROLES,
} from '../../domain/member.js';

/** The whole table, by hand: a change of the rules must be made twice. */
const TABLE: Readonly<Record<Permission, Readonly<Record<Role, boolean>>>> = {
  'app:read': { owner: true, admin: true, developer: true, reviewer: true, viewer: true },
  'app:write': { owner: true, admin: true, developer: false, reviewer: false, viewer: false },
  'keys:read': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'keys:write': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'members:read': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'members:write': { owner: true, admin: true, developer: false, reviewer: false, viewer: false },
  'identity:read': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'identity:write': { owner: true, admin: true, developer: false, reviewer: false, viewer: false },
  'audit:read': { owner: true, admin: true, developer: false, reviewer: false, viewer: false },
  'errors:read': { owner: true, admin: true, developer: true, reviewer: true, viewer: true },
  'errors:write': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'releases:write': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'alerts:read': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'alerts:write': { owner: true, admin: true, developer: false, reviewer: false, viewer: false },
  'flags:read': { owner: true, admin: true, developer: true, reviewer: true, viewer: true },
  'flags:write': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
  'flags:approve': { owner: true, admin: true, developer: true, reviewer: false, viewer: false },
};

describe('roleAllows', () => {
  for (const permission of PERMISSIONS) {
    for (const role of ROLES) {
      const allowed = TABLE[permission][role];
      it(`${allowed ? 'gives' : 'denies'} ${permission} to ${role}`, () => {
        assert.equal(roleAllows(role, permission), allowed);
      });
    }
  }

  it('has a line here for each permission', () => {
    assert.deepEqual(Object.keys(TABLE), [...PERMISSIONS]);
  });
});

describe('mayGrant', () => {
  it('is for roles up to the own one', () => {
    for (const [own, ownRole] of ROLES.entries()) {
      for (const [other, otherRole] of ROLES.entries()) {
        assert.equal(mayGrant(ownRole, otherRole), own <= other, `${ownRole} grants ${otherRole}`);
      }
    }
  });
});

const member = (id: string, roles: Readonly<Record<string, Role>>, owner = false): Rights => ({
  id,
  owner,
  roles: Object.entries(roles).map(([appId, role]) => ({ appId, role })),
});

describe('roleIn', () => {
  it('is the role of that app, and owner everywhere for an owner of the instance', () => {
    assert.equal(roleIn(member('m', { a: 'viewer', b: 'admin' }), 'b'), 'admin');
    assert.equal(roleIn(member('m', { a: 'viewer' }), 'b'), undefined);
    assert.equal(roleIn(member('m', { a: 'viewer' }, true), 'a'), 'owner');
    assert.equal(roleIn(member('m', {}, true), 'b'), 'owner');
  });
});

describe('maySpeakFor', () => {
  const cases: readonly [title: string, actor: Rights, other: Rights, allowed: boolean][] = [
    ['oneself', member('m', {}), member('m', { a: 'owner' }), true],
    ['anybody, for an owner of the instance', member('o', {}, true), member('p', {}, true), true],
    ['a developer of the app one administers', member('x', { a: 'admin' }), member('m', { a: 'developer' }), true],
    ['another admin of that app', member('x', { a: 'admin' }), member('m', { a: 'admin' }), true],
    ['its owner', member('x', { a: 'admin' }), member('m', { a: 'owner' }), false],
    [
      'who has a role in another app too',
      member('x', { a: 'owner' }),
      member('m', { a: 'viewer', b: 'viewer' }),
      false,
    ],
    [
      'who has roles in two apps one administers',
      member('x', { a: 'owner', b: 'admin' }),
      member('m', { a: 'owner', b: 'admin' }),
      true,
    ],
    ['anybody, for a developer', member('x', { a: 'developer' }), member('m', { a: 'viewer' }), false],
    ['an owner of the instance', member('x', { a: 'owner' }), member('o', { a: 'viewer' }, true), false],
    ['who has no role at all', member('x', { a: 'owner' }), member('m', {}), false],
  ];
  for (const [title, actor, other, allowed] of cases) {
    it(`${allowed ? 'includes' : 'excludes'} ${title}`, () => assert.equal(maySpeakFor(actor, other), allowed));
  }
});
