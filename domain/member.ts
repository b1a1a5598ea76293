/** What somebody may be in an app, from the most to the least. The order is the rank. */
export const ROLES = ['owner', 'admin', 'developer', 'reviewer', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = [
  'app:read',
  'app:write',
  'keys:read',
  'keys:write',
  'members:read',
  'members:write',
  'identity:read',
  'identity:write',
  'audit:read',
  'errors:read',
  'errors:write',
  'releases:write',
  'alerts:read',
  'alerts:write',
  'flags:read',
  'flags:write',
  'flags:approve',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Who may do what. An owner differs from an admin by rank: only an owner makes or unmakes owners. */
const ALLOWED: Readonly<Record<Role, readonly Permission[]>> = {
  owner: PERMISSIONS,
  admin: PERMISSIONS,
  developer: [
    'app:read',
    'keys:read',
    'keys:write',
    'members:read',
    'identity:read',
    'errors:read',
    'errors:write',
    'releases:write',
    'alerts:read',
    'flags:read',
    'flags:write',
    'flags:approve',
  ],
  reviewer: ['app:read', 'errors:read', 'flags:read'],
  viewer: ['app:read', 'errors:read', 'flags:read'],
};

export const roleAllows = (role: Role, permission: Permission): boolean => ALLOWED[role].includes(permission);

/** Nobody grants, changes or takes away a role above their own. */
export const mayGrant = (own: Role, granted: Role): boolean => ROLES.indexOf(own) <= ROLES.indexOf(granted);

export interface RoleIn {
  /** Hex of `app_registrations._id`. */
  readonly appId: string;
  readonly role: Role;
}

/** What a decision about somebody's rights needs to know of them. */
export interface Rights {
  readonly id: string;
  /** Of the instance: every permission in every app, and the only one who registers apps. */
  readonly owner: boolean;
  readonly roles: readonly RoleIn[];
}

/** The role somebody has in an app. The instance's owner is owner everywhere. */
export function roleIn({ owner, roles }: Rights, appId: string): Role | undefined {
  return owner ? 'owner' : roles.find((role) => role.appId === appId)?.role;
}

/** Whether somebody may give others this role in this app. */
export function mayGive(actor: Rights, { appId, role }: RoleIn): boolean {
  const own = roleIn(actor, appId);
  return own !== undefined && roleAllows(own, 'members:write') && mayGrant(own, role);
}

/**
 * Whether `actor` may hand out tokens that act as `member`. A token carries every role of its member, so handing
 * one out is granting all of them: an admin of one app must not become an owner of another this way.
 */
export function maySpeakFor(actor: Rights, member: Rights): boolean {
  if (actor.owner || actor.id === member.id) return true;
  if (member.owner || member.roles.length === 0) return false;
  return member.roles.every((role) => mayGive(actor, role));
}
